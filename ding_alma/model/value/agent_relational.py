"""An agent that multiplies what it sees by what it is itself (ours; no paper of these methods has it)."""

from collections.abc import Callable

from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.linear import linear
from ding_alma.model.attention.pooling import Pooling
from ding_alma.model.subtask_embedding import SubtaskEmbedding
from ding_alma.model.value.agent import AgentNetwork, SubtaskLabel


class RelationalAgent(AgentNetwork):
    """`AgentNetwork` with products of the agent's own features and of what it sees, before its hidden layer.

    Where positions are absolute, as in SaveTheCity, whether a step leads to a building is a function of pairs of
    positions. Sums of features express it with difficulty and learn it late; products have a weight for each pair
    (Jayakumar et al., "Multiplicative Interactions and Where to Find Them", 2020).
    """

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
        """As `AgentNetwork`."""
        super().__init__(features, actions, attention_dim, heads, hidden_dim, embedding, pooling)
        self.own = nn.Linear(features, attention_dim)
        self.compared = nn.Linear(attention_dim, attention_dim)

    def seen(self, inputs: EntityInputs, plan: AttentionPlan, label: SubtaskLabel | None) -> Tensor:
        """As of `AgentNetwork`, with the products."""
        seen = super().seen(inputs, plan, label)
        agents = inputs.dense[:, : plan.agents].expand(plan.views, -1, -1, -1)
        own = linear(plan.gather_queries(agents), self.own.weight, self.own.bias)
        return seen + linear(seen, self.compared.weight, self.compared.bias) * own
