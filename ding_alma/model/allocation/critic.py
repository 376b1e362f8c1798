"""The value of an allocation at a decision (docs/reference/alma.md#allocation-critic)."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.allocation.case_attention import attend_cases
from ding_alma.model.allocation.cases import AllocationCases
from ding_alma.model.allocation.decision_rows import DecisionRows, describe
from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.linear import linear_relu
from ding_alma.model.one_hot import one_hot
from ding_alma.model.popart import PopArt, Unnormalised
from ding_alma.model.subtask_embedding import SubtaskEmbedding

CHUNK_FLOATS = 2**21
"""Decisions x proposals x entities x width rated at a time on a CPU, so that what is in between stays in its caches."""
DENSE_CHUNK_FLOATS = 2**26
"""The same on other devices, where it bounds the memory."""


class Critic(nn.Module, ABC):
    """Rates allocations; its output is normalised by Pop-Art."""

    def __init__(self, popart_alpha: float | None = 0.01) -> None:
        """``popart_alpha`` None learns on the scale of returns."""
        super().__init__()
        self.popart = Unnormalised() if popart_alpha is None else PopArt(1, popart_alpha)

    def forward(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """(N,) normalised value of one allocation (N, A) int64 per decision."""
        return self.popart(self.raw_value(state, allocation, permutation).unsqueeze(-1)).squeeze(-1)

    @torch.no_grad()
    def values(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """(N, P) normalised values of P allocations (N, P, A) int64 per decision, without a graph."""
        return self.popart(self.raw_values(state, allocation, permutation).unsqueeze(-1)).squeeze(-1)

    @abstractmethod
    def raw_value(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """(N,) value of one allocation (N, A) per decision before the Pop-Art output, differentiable."""

    @abstractmethod
    def raw_values(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """(N, P) `values` before the Pop-Art output."""


class AllocationCritic(Critic):
    """The paper's: agents attend to all that exists, told who is allocated where and how many are on each subtask.

    The mean over agents is taken over their padded number (docs/reference/quirks.md#q20).
    """

    def __init__(
        self,
        features: int,
        subtasks: int,
        dim: int,
        heads: int,
        extra_subtasks: int = 0,
        popart_alpha: float | None = 0.01,
    ) -> None:
        """``popart_alpha`` as in `Critic`."""
        super().__init__(popart_alpha)
        self.encode_entity = nn.Linear(features, dim)
        self.embed_subtask = SubtaskEmbedding(subtasks, dim, extra_subtasks)
        self.embed_count = nn.Linear(2, dim)
        self.attention = EntityAttention(dim, heads)
        self.output = nn.Linear(dim, 1)

    def raw_value(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        return (self._value_of_rows if state.compiled else self._value)(state, allocation, permutation)

    def _value(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """`raw_value` by regular tensor operations."""
        agents = one_hot(allocation, state.subtasks)
        others = one_hot(state.other_subtask, state.subtasks)
        membership = torch.cat([agents, others], 1)
        count = COUNT_SCALE * self.embed_count(torch.stack([agents.sum(1), others.sum(1)], -1))
        x = self.encode_entity(state.entities) + self.embed_subtask(membership, permutation) + membership @ count
        seen = self.attention(x.relu(), state.active.unsqueeze(2) & state.entity_mask.unsqueeze(1), state.active)
        return self.output(seen.relu().sum(1) / state.agents).squeeze(-1)

    def _value_of_rows(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """`raw_value` with the existing entities alone."""
        active = state.active
        chosen = DecisionRows.of(active.unsqueeze(2) & state.entity_mask.unsqueeze(1), active)
        described = describe(chosen.rows, state, allocation, permutation, counts=True)
        weight = [
            *(self.encode_entity.weight, self.embed_subtask.project.weight),
            *(self.embed_count.bias.unsqueeze(1), self.embed_count.weight),
        ]
        x = linear_relu(described, torch.cat(weight, 1), self.encode_entity.bias)
        project_out = self.attention.project_out
        seen = linear_relu(chosen.attend(x, self.attention), project_out.weight, project_out.bias)
        # The output is linear, so that each agent's share of it is summed instead of the agents' vectors.
        share = (seen @ self.output.weight[0])[: len(chosen.asking)]
        point = torch.from_numpy(chosen.asking // state.entity_mask.shape[1])
        return x.new_zeros(state.points).index_add(0, point, share) / state.agents + self.output.bias

    def raw_values(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        points, proposals, _ = allocation.shape
        floats = CHUNK_FLOATS if state.compiled else DENSE_CHUNK_FLOATS
        chunk = max(1, floats // (proposals * state.entities.shape[1] * self.attention.dim))
        parts = [slice(start, start + chunk) for start in range(0, points, chunk)]
        if state.compiled:
            encoded = self.encode_entity(state.entities)
            table = F.pad(self.embed_subtask.table(permutation), (0, 0, 0, 1))
            raw = [self._values_of_cases(state.rows(at), allocation[at], encoded[at], table) for at in parts]
        else:
            raw = [self._values_of_all(state.rows(at), allocation[at], permutation) for at in parts]
        return torch.cat(raw)

    def _values_of_all(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """(n, P) `raw_value` of each proposal, by regular tensor operations whose shapes depend on no value."""
        proposals = allocation.shape[1]
        return self._value(state.repeated(proposals), allocation.flatten(0, 1), permutation).view(-1, proposals)

    def _values_of_cases(self, state: DecisionState, allocation: Tensor, encoded: Tensor, table: Tensor) -> Tensor:
        """`_values_of_all`, computed once per distinct allocation and case of an entity.

        Args: encoded (n, E, D) encoded features; table (K + 1, D) subtask embeddings, the last one zero for "none".
        """
        agents, dim = state.agents, encoded.shape[-1]
        cases = AllocationCases.of(state, allocation)
        weight_agents, weight_others = COUNT_SCALE * self.embed_count.weight.T
        others = F.pad(one_hot(state.other_subtask, state.subtasks).sum(1), (0, 1)).unsqueeze(-1)
        on_slot = table + others * weight_others + COUNT_SCALE * self.embed_count.bias
        on_slot[:, -1] = 0
        x = encoded.view(-1, dim)[cases.entity].add_(on_slot.view(-1, dim)[cases.slot])
        x = x.addcmul_(cases.team.to(x.dtype).unsqueeze(1), weight_agents).relu_()

        weight_q, weight_kv = self.attention.project_in.weight.split([dim, 2 * dim])
        query, key_value = x[: cases.agent_cases] @ weight_q.T, x @ weight_kv.T
        mixed = attend_cases(query, key_value, cases.case, cases.exists, agents, self.attention.heads)
        # The output is linear, so that each agent's share of it is summed instead of the agents' vectors.
        share = self.attention.project_out(mixed).relu_() @ self.output.weight[0]
        asking = cases.exists[:, :agents]
        total = share.new_zeros(asking.shape).masked_scatter_(asking, share).sum(1)
        return (total / agents + self.output.bias)[cases.place]
