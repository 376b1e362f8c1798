"""Which entities have to be encoded and who looks at whom, worked out once and used by every network.

A network that attends is written once, against an `AttentionPlan`. `PackedPlan` computes only the entities that
somebody looks at and only the agents that ask, which pays on a CPU; `DensePlan` computes everything in regular tensors
and never waits for a device.

``N`` steps, ``E`` entities of which the first ``A`` are agents, ``V`` views (sets of masks that share queries, keys and
values), ``G`` networks evaluated together, ``R`` encoded rows, ``Q`` queries.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ding_alma.model.attention import masked_attention
from ding_alma.model.ragged_attention import RaggedAttention


class AttentionPlan(ABC):
    """Agents that ask and entities that are looked at, in ``views`` views."""

    views: int

    @abstractmethod
    def gather(self, x: Tensor) -> Tensor:
        """The rows to encode: (N, E, C) to (R, C)."""

    @abstractmethod
    def asking(self, rows: Tensor) -> Tensor:
        """The queries among encoded rows: (G, R, D) to (G, Q, D)."""

    @abstractmethod
    def attend(self, query: Tensor, key_value: Tensor, heads: int, views: slice = slice(None)) -> Tensor:
        """Attention of (G, Q, D) over (G, R, 2 D): (G, V Q, D), V the number of ``views`` chosen, views outermost."""

    @abstractmethod
    def gather_queries(self, x: Tensor) -> Tensor:
        """(V, N, A, C) to (V Q, C)."""

    @abstractmethod
    def scatter(self, x: Tensor) -> Tensor:
        """(G, V Q, C) to (G, V, N, A, C), zero for agents that do not ask."""


class DensePlan(AttentionPlan):
    """Every entity is encoded and every agent asks; masks select afterwards."""

    def __init__(self, allowed: Tensor, query_mask: Tensor) -> None:
        """Args: allowed (V, N, A, E) bool; query_mask (N, A) bool."""
        self.allowed = allowed
        self.query_mask = query_mask
        self.views, self.steps, self.agents, self.entities = allowed.shape

    def gather(self, x: Tensor) -> Tensor:
        return x.reshape(self.steps * self.entities, -1)

    def asking(self, rows: Tensor) -> Tensor:
        return rows.view(len(rows), self.steps, self.entities, -1)[:, :, : self.agents].flatten(1, 2)

    def attend(self, query: Tensor, key_value: Tensor, heads: int, views: slice = slice(None)) -> Tensor:
        allowed = self.allowed[views]
        networks, dim = len(query), query.shape[-1]
        query = query.view(networks, 1, self.steps, self.agents, heads, -1).transpose(3, 4)
        key_value = key_value.view(networks, 1, self.steps, self.entities, 2, heads, -1)
        key, value = key_value.permute(4, 0, 1, 2, 5, 3, 6)
        mixed = masked_attention(query, key, value, allowed)
        return mixed.transpose(3, 4).reshape(networks, -1, dim)

    def gather_queries(self, x: Tensor) -> Tensor:
        return x.flatten(0, 2)

    def scatter(self, x: Tensor) -> Tensor:
        dense = x.view(len(x), -1, self.steps, self.agents, x.shape[-1])
        return dense * self.query_mask.unsqueeze(-1)


class PackedPlan(AttentionPlan):
    """Only agents that ask and entities that somebody looks at; the asking agents are the leading rows."""

    def __init__(self, allowed: Tensor, query_mask: Tensor) -> None:
        """Args: allowed (V, N, A, E) bool; query_mask (N, A) bool; both on the CPU."""
        self.views, self.steps, self.agents, entities = allowed.shape
        self.query = query_mask.flatten().nonzero().squeeze(1)
        looks = allowed.flatten(1, 2)[:, self.query]
        self.queries = len(self.query)
        step = self.query // self.agents
        asking = step * entities + self.query % self.agents
        pair_row, pair_entity = looks.flatten(0, 1).nonzero().unbind(1)
        looked_at = step[pair_row % max(self.queries, 1)] * entities + pair_entity
        used = torch.zeros(self.steps * entities, dtype=torch.bool)
        used[looked_at] = True
        used[asking] = False
        self.rows = torch.cat([asking, used.nonzero().squeeze(1)])
        position = torch.empty(self.steps * entities, dtype=torch.int64)
        position[self.rows] = torch.arange(len(self.rows))
        self.neighbour = position[looked_at]
        self.start = torch.zeros(self.views * self.queries + 1, dtype=torch.int64)
        torch.cumsum(looks.flatten(0, 1).sum(1), 0, out=self.start[1:])

    def gather(self, x: Tensor) -> Tensor:
        return x.flatten(0, 1)[self.rows]

    def asking(self, rows: Tensor) -> Tensor:
        return rows[:, : self.queries]

    def attend(self, query: Tensor, key_value: Tensor, heads: int, views: slice = slice(None)) -> Tensor:
        first, last, _ = views.indices(self.views)
        start = self.start[first * self.queries : last * self.queries + 1]
        pairs = slice(int(start[0]), int(start[-1]))
        return RaggedAttention.apply(query, key_value, start - start[0], self.neighbour[pairs], heads)

    def gather_queries(self, x: Tensor) -> Tensor:
        return x.flatten(1, 2)[:, self.query].flatten(0, 1)

    def scatter(self, x: Tensor) -> Tensor:
        views = x.shape[1] // self.queries if self.queries else self.views
        dense = x.new_zeros(len(x), views, self.steps * self.agents, x.shape[-1])
        dense = dense.index_copy(2, self.query, x.view(len(x), views, self.queries, x.shape[-1]))
        return dense.view(len(x), views, self.steps, self.agents, x.shape[-1])


def plan_attention(allowed: Tensor, query_mask: Tensor) -> AttentionPlan:
    """The plan that suits the device of the masks.

    Args:
        allowed: (V, N, A, E) bool, True = the agent may look at the entity.
        query_mask: (N, A) bool, True = the agent's output is wanted.
    """
    return DensePlan(allowed, query_mask) if allowed.is_cuda else PackedPlan(allowed, query_mask)
