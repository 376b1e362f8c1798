"""The value of an allocation at a decision (ALMA, allocation controller; spec 2.3)."""

import math

import torch
from torch import Tensor, nn

from ding_alma.model.attention import EntityAttention
from ding_alma.model.decision_state import DecisionState, one_hot
from ding_alma.model.distinct import distinct, distinct_allocations
from ding_alma.model.popart import PopArt, Unnormalised
from ding_alma.model.proposal_encoder import COUNT_SCALE
from ding_alma.model.subtask_embedding import SubtaskEmbedding

CHUNK_FLOATS = 2**20
"""Keys and values gathered at a time on a CPU; more than fits its caches only costs page faults."""


class AllocationCritic(nn.Module):
    """Agents attend to everything that exists, told who is allocated where and how many are on each subtask.

    The mean over agents is taken over their padded number (Q20).
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
        """``popart_alpha`` None learns on the scale of returns."""
        super().__init__()
        self.encode_entity = nn.Linear(features, dim)
        self.embed_subtask = SubtaskEmbedding(subtasks, dim, extra_subtasks)
        self.embed_count = nn.Linear(2, dim)
        self.attention = EntityAttention(dim, heads)
        self.output = nn.Linear(dim, 1)
        self.popart = Unnormalised() if popart_alpha is None else PopArt(1, popart_alpha)

    def forward(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """(N,) normalised value of one allocation (N, A) int64 per decision."""
        return self.popart(self.raw_value(state, allocation, permutation).unsqueeze(-1)).squeeze(-1)

    def raw_value(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """(N,) value of one allocation (N, A) per decision before the Pop-Art output, differentiable."""
        agents = one_hot(allocation, state.subtasks)
        others = one_hot(state.other_subtask, state.subtasks)
        membership = torch.cat([agents, others], 1)
        count = COUNT_SCALE * self.embed_count(torch.stack([agents.sum(1), others.sum(1)], -1))
        x = self.encode_entity(state.entities) + self.embed_subtask(membership, permutation) + membership @ count
        seen = self.attention(x.relu(), state.active.unsqueeze(2) & state.entity_mask.unsqueeze(1), state.active)
        return self.output(seen.relu().sum(1) / state.agents).squeeze(-1)

    @torch.no_grad()
    def values(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        """(N, P) normalised values of P allocations (N, P, A) int64 per decision, without a graph."""
        points, proposals, _ = allocation.shape
        encoded = self.encode_entity(state.entities)
        table = torch.nn.functional.pad(self.embed_subtask.table(permutation), (0, 0, 0, 1))
        chunk = points
        if encoded.device.type == "cpu":
            chunk = max(1, CHUNK_FLOATS // (proposals * state.entities.shape[1] * self.attention.dim))
        raw = [
            self._raw_values(state.rows(rows), allocation[rows], encoded[rows], table)
            for rows in (slice(start, start + chunk) for start in range(0, points, chunk))
        ]
        return self.popart(torch.cat(raw).unsqueeze(-1)).squeeze(-1)

    def _raw_values(self, state: DecisionState, allocation: Tensor, encoded: Tensor, table: Tensor) -> Tensor:
        """(n, P) `raw_value` of each proposal, every distinct intermediate computed once.

        What an entity contributes depends on the proposal only through the subtask it is on and the number of agents
        there, so keys, values and queries are computed per such case and gathered for the distinct allocations.

        Args: encoded (n, E, D) encoded features; table (K + 1, D) subtask embeddings, the last one zero for "none".
        """
        points, agents, subtasks = state.points, state.agents, state.subtasks
        entities, dim = encoded.shape[1:]
        others = entities - agents
        slots, counts = subtasks + 1, agents + 1

        point, slot, place = distinct_allocations(allocation, subtasks)
        team = torch.zeros(point.numel(), slots, dtype=torch.int64, device=slot.device)
        team = team.scatter_add_(1, slot, torch.ones_like(slot))
        team[:, subtasks] = 0
        first = point.unsqueeze(1)

        of_agent = (first * agents + torch.arange(agents, device=slot.device)) * slots + slot
        agent_case, agent_place = distinct(of_agent * counts + team.gather(1, slot), points * agents * slots * counts)
        of_agent, agent_count = agent_case // counts, agent_case % counts
        agent_row, agent_slot = of_agent // slots, of_agent % slots
        other_slot = state.other_subtask.remainder(slots)
        of_other = first * others + torch.arange(others, device=slot.device)
        other_case, other_place = distinct(
            of_other * counts + team.gather(1, other_slot[point]), points * others * counts
        )
        other_row, other_count = other_case // counts, other_case % counts

        weight_agents, weight_others = COUNT_SCALE * self.embed_count.weight.T
        belongs = torch.nn.functional.pad(one_hot(state.other_subtask, subtasks).sum(1), (0, 1))
        on_slot = table + belongs.unsqueeze(-1) * weight_others + COUNT_SCALE * self.embed_count.bias
        on_slot[:, subtasks] = 0
        on_slot = on_slot.view(points * slots, dim)
        split = agent_case.numel()
        x = encoded.new_empty(split + other_case.numel(), dim)
        torch.add(
            encoded[:, :agents].reshape(-1, dim)[agent_row],
            on_slot[agent_row // agents * slots + agent_slot],
            out=x[:split],
        )
        fixed = encoded[:, agents:] + on_slot[torch.arange(points, device=slot.device)[:, None] * slots + other_slot]
        torch.index_select(fixed.view(-1, dim), 0, other_row, out=x[split:])
        x = x.addcmul_(torch.cat([agent_count, other_count]).unsqueeze(1).to(x.dtype), weight_agents).relu_()

        mixed = self._attend(x, split, agent_place, other_place + split, state.entity_mask[point])
        seen = self.attention.project_out(mixed).relu_()
        pooled = state.active[point].to(seen.dtype).unsqueeze(1) @ seen
        return self.output(pooled.squeeze(1) / agents).squeeze(-1)[place]

    def _attend(self, x: Tensor, split: int, agent_place: Tensor, other_place: Tensor, exists: Tensor) -> Tensor:
        """(D, A, dim) heads' outputs; ``x[place]`` are the entities of each row, agents' cases first (``split``)."""
        heads, dim = self.attention.heads, self.attention.dim
        width = dim // heads
        weight_q, weight_kv = self.attention.project_in.weight.split([dim, 2 * dim])
        query = (x[:split] @ (weight_q.T / math.sqrt(width)))[agent_place]
        memory = (x @ weight_kv.T)[torch.cat([agent_place, other_place], 1)]
        forbidden = torch.zeros_like(exists, dtype=x.dtype).masked_fill_(~exists, torch.finfo(x.dtype).min)
        forbidden = forbidden.unsqueeze(1).expand(-1, query.shape[1], -1)
        mixed = []
        for start in range(0, dim, width):
            key = memory[:, :, start : start + width].transpose(1, 2)
            value = memory[:, :, dim + start : dim + start + width]
            weight = torch.baddbmm(forbidden, query[:, :, start : start + width], key).softmax(-1)
            mixed.append(weight @ value)
        return torch.cat(mixed, -1)
