"""REFIL's agent: a recurrent memory before the utilities (docs/reference/refil.md#recurrent-agent)."""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.pooling import Pooling
from ding_alma.model.subtask_embedding import SubtaskEmbedding
from ding_alma.model.value.agent import Agent, LabelledEncoder, SubtaskLabel, look


class RecurrentAgent(Agent):
    """Linear-ReLU, attention, Linear-ReLU, GRU, Linear. Other than in `AgentNetwork`, no ReLU follows the attention."""

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
        """As `AgentNetwork`; ``hidden_dim`` is also the size of the memory."""
        super().__init__()
        self.memory_dim = hidden_dim
        self.encoder = LabelledEncoder(features, attention_dim, embedding)
        self.attention = pooling(attention_dim, heads)
        self.hidden = nn.Linear(attention_dim, hidden_dim)
        self.recurrence = nn.GRU(hidden_dim, hidden_dim)
        self.utility = nn.Linear(hidden_dim, actions)

    def memories(
        self, inputs: EntityInputs, plan: AttentionPlan, first: Tensor, label: SubtaskLabel | None = None
    ) -> Tensor:
        """The memory after every step: (V, N, A, hidden_dim). Args: as `unroll`."""
        seen = self._seen(inputs, plan, label)
        views, _, agents, width = seen.shape
        rows, steps = first.shape
        by_step = seen.view(views, rows, steps, agents, width).permute(2, 0, 1, 3, 4).reshape(steps, -1, width)
        memory = by_step.new_zeros(1, by_step.shape[1], width)
        # The recurrence runs undisturbed between the steps at which some row starts an episode, if the host knows them.
        is_known = not first.is_cuda
        starts = (first[:, 1:].any(0).nonzero().squeeze(1) + 1).tolist() if is_known else range(1, steps)
        keeping = (~first).to(by_step.device, non_blocking=True)
        parts = []
        for begin, end in pairwise([0, *starts, steps]):
            keep = keeping[:, begin].view(1, rows, 1).expand(views, rows, agents).reshape(1, -1, 1)
            part, memory = self.recurrence(by_step[begin:end], memory * keep)
            parts.append(part)
        return torch.cat(parts).view(steps, views, rows, agents, width).permute(1, 2, 0, 3, 4).flatten(1, 2)

    def unroll(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        first: Tensor,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> Tensor:
        return self._utilities(self.memories(inputs, plan, first, label), plan, strategy)

    def step(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        memory: Tensor,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        seen = self._seen(inputs, plan, label)
        flat = seen.reshape(1, -1, self.memory_dim)
        after = self.recurrence(flat, memory.reshape(1, -1, self.memory_dim))[0].view(seen.shape)
        return self._utilities(after, plan, strategy), after.view(memory.shape)

    def _seen(self, inputs: EntityInputs, plan: AttentionPlan, label: SubtaskLabel | None) -> Tensor:
        """(V, N, A, hidden_dim), of agents that do not ask as if they saw nothing."""
        seen = plan.scatter(look(self.encoder, self.attention, inputs, plan, label))
        return F.relu(self.hidden(seen))

    def _utilities(self, memory: Tensor, plan: AttentionPlan, strategy: Tensor | None) -> Tensor:
        hidden = memory if strategy is None else memory + strategy
        return plan.scatter(self.utility(plan.gather_queries(hidden)))
