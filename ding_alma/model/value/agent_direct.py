"""REFIL's agent for Group Matching: what is seen becomes utilities at once (docs/reference/refil.md#direct-agent)."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.pooling import Pooling
from ding_alma.model.subtask_embedding import SubtaskEmbedding
from ding_alma.model.value.agent import LabelledEncoder, ReactiveAgent, SubtaskLabel, look


class DirectAgent(ReactiveAgent):
    """Linear-ReLU, attention-ReLU, Linear: no hidden layer. A coach's strategy is added before the last map (ours)."""

    def __init__(
        self,
        features: int,
        actions: int,
        attention_dim: int,
        heads: int,
        hidden_dim: int,
        embedding: SubtaskEmbedding | None = None,
        pooling: Callable[[int, int], Pooling] = EntityAttention,
    ) -> None:
        """As `AgentNetwork`; there is no layer that ``hidden_dim`` could size."""
        super().__init__()
        self.encoder = LabelledEncoder(features, attention_dim, embedding)
        self.attention = pooling(attention_dim, heads)
        self.utility = nn.Linear(attention_dim, actions)

    def forward(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> Tensor:
        """Utilities as of `AgentNetwork`, but strategy (V, N, A, attention_dim)."""
        seen = F.relu(look(self.encoder, self.attention, inputs, plan, label))
        return plan.scatter(self.utility(seen if strategy is None else seen + plan.gather_queries(strategy)))
