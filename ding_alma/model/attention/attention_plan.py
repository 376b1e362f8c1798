"""Which entities have to be encoded and who looks at whom, worked out once and used by every network.

A network that attends is written once, against an `AttentionPlan`. `PackedPlan` computes only the entities that
somebody looks at and only the agents that ask, which pays on a CPU; `DensePlan` computes everything in regular tensors
and never waits for a device.

``N`` steps, ``E`` entities of which the first ``A`` are agents, ``V`` views (sets of masks that share queries, keys and
values), ``R`` encoded rows, ``Q`` queries (both with the filling of `PackedPlan`).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.attention.encoded_attention import encode_and_attend
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.group_sum import GroupSum
from ding_alma.model.attention.linear import linear, linear_relu
from ding_alma.model.attention.masked_attention import masked_attention
from ding_alma.model.attention.packing import Packed, pack
from ding_alma.model.attention.pair_sum import PairSum
from ding_alma.model.attention.ragged_attention import Neighbours, RaggedAttention
from ding_alma.model.one_hot import one_hot


class AttentionPlan(ABC):
    """Agents that ask and entities that are looked at, in ``views`` views."""

    views: int
    agents: int
    """A."""

    @abstractmethod
    def gather(self, x: Tensor) -> Tensor:
        """The rows to encode: (N, E, C) to (R, C)."""

    @abstractmethod
    def attend(self, rows: Tensor, weight_in: Tensor, heads: int, views: slice = slice(None)) -> Tensor:
        """Multi-head attention of the asking agents, before the output projection.

        Args:
            rows: (R, D), encoded.
            weight_in: (3 D, D), projections to query, key and value.
            heads: contiguous slices of D.
            views: the views wanted.

        Returns:
            (V Q, D), V the number of views wanted, views outermost; zeros where nothing may be looked at.
        """

    @abstractmethod
    def encode_and_attend(
        self,
        inputs: EntityInputs,
        encoders: Sequence[nn.Linear],
        weights_in: Sequence[Tensor],
        heads: int,
        views: slice = slice(None),
    ) -> Tensor:
        """`attend` of ``relu(encoder(rows))`` for S networks of the same sizes: (S, V Q, D)."""

    @abstractmethod
    def pool(self, rows: Tensor, reduce: str) -> Tensor:
        """The largest or the mean value over all E entities, zeros for those that an agent does not see.

        Args: rows (R, D), encoded; reduce 'max' or 'mean'. Returns (V Q, D).
        """

    @abstractmethod
    def pair_sum(self, inputs: EntityInputs, own: Tensor, bias: Tensor, other: Tensor) -> Tensor:
        """``sum_j relu(own x_i + bias + other x_j)`` over the entities j that an agent i sees, x the inputs.

        Args: own and other (C, I); bias (C,). Returns (V Q, C), zeros where nothing may be looked at.
        """

    @abstractmethod
    def gather_queries(self, x: Tensor) -> Tensor:
        """(V, N, A, C) to (V Q, C)."""

    @abstractmethod
    def scatter(self, x: Tensor) -> Tensor:
        """(V Q, C) to (V, N, A, C), zero for agents that do not ask."""

    @abstractmethod
    def grouping(self, membership: Tensor, groups: int) -> Tensor:
        """What `group_sum` needs. Args: membership (N, A) int64 in [-1, groups), -1 for agents of no group."""

    @abstractmethod
    def group_sum(self, x: Tensor, grouping: Tensor, groups: int) -> Tensor:
        """(V Q, C) to (N, groups, C): sums over the views and over the asking agents of every group."""


class DensePlan(AttentionPlan):
    """Every entity is encoded and every agent asks; masks select afterwards."""

    def __init__(self, allowed: Tensor, query_mask: Tensor) -> None:
        """Args: allowed (V, N, A, E) bool; query_mask (N, A) bool."""
        self.allowed = allowed
        self.query_mask = query_mask
        self.views, self.steps, self.agents, self.entities = allowed.shape

    def gather(self, x: Tensor) -> Tensor:
        return x.reshape(self.steps * self.entities, -1)

    def attend(self, rows: Tensor, weight_in: Tensor, heads: int, views: slice = slice(None)) -> Tensor:
        dim = rows.shape[1]
        asking = rows.view(self.steps, self.entities, dim)[:, : self.agents].reshape(-1, dim)
        query = linear(asking, weight_in[:dim]).view(self.steps, self.agents, heads, -1).transpose(1, 2)
        key_value = linear(rows, weight_in[dim:]).view(self.steps, self.entities, 2, heads, -1)
        key, value = key_value.permute(2, 0, 3, 1, 4)
        mixed = masked_attention(query, key, value, self.allowed[views])
        return mixed.transpose(2, 3).reshape(-1, dim)

    def encode_and_attend(
        self,
        inputs: EntityInputs,
        encoders: Sequence[nn.Linear],
        weights_in: Sequence[Tensor],
        heads: int,
        views: slice = slice(None),
    ) -> Tensor:
        rows = self.gather(inputs.dense)
        return torch.stack(
            [
                self.attend(linear_relu(rows, encoder.weight, encoder.bias), weight_in, heads, views)
                for encoder, weight_in in zip(encoders, weights_in, strict=True)
            ]
        )

    def pool(self, rows: Tensor, reduce: str) -> Tensor:
        seen = rows.view(self.steps, 1, self.entities, -1) * self.allowed.unsqueeze(-1)
        return (seen.amax(-2) if reduce == "max" else seen.mean(-2)).flatten(0, 2)

    def pair_sum(self, inputs: EntityInputs, own: Tensor, bias: Tensor, other: Tensor) -> Tensor:
        x = inputs.dense
        asking = linear(x[:, : self.agents].flatten(0, 1), own, bias).view(self.steps, self.agents, 1, -1)
        seen = linear(x.flatten(0, 1), other).view(self.steps, 1, self.entities, -1)
        # Views differ in what is summed alone: a row of zeros and ones per agent times its pairs.
        looks = self.allowed.permute(1, 2, 0, 3).to(x.dtype)
        return (looks @ F.relu(asking + seen)).permute(2, 0, 1, 3).flatten(0, 2)

    def gather_queries(self, x: Tensor) -> Tensor:
        return x.flatten(0, 2)

    def scatter(self, x: Tensor) -> Tensor:
        dense = x.view(-1, self.steps, self.agents, x.shape[-1])
        return dense * self.query_mask.unsqueeze(-1)

    def grouping(self, membership: Tensor, groups: int) -> Tensor:
        return (one_hot(membership, groups) * self.query_mask.unsqueeze(-1)).transpose(1, 2)

    def group_sum(self, x: Tensor, grouping: Tensor, groups: int) -> Tensor:
        return grouping.to(x.dtype) @ x.view(-1, self.steps, self.agents, x.shape[-1]).sum(0)


class PackedPlan(AttentionPlan):
    """Only agents that ask and entities that somebody looks at.

    Rows and queries are filled up to whole grains with copies of the first entity, which look at nothing, are looked at
    by nobody and whose outputs are dropped. Packing waits for its first use: mixers that sum attend to nothing.
    """

    def __init__(self, allowed: Tensor, query_mask: Tensor) -> None:
        """Args: allowed (V, N, A, E) bool; query_mask (N, A) bool; both on the CPU."""
        self.views, self.steps, self.agents, self.entities = allowed.shape
        self._allowed, self._query_mask = allowed, query_mask

    @cached_property
    def _packed(self) -> Packed:
        return pack(self._allowed.contiguous().numpy(), self._query_mask.contiguous().numpy())

    @cached_property
    def rows(self) -> Tensor:
        """(R,) int64, those of the N E input rows that are encoded."""
        return torch.from_numpy(self._packed.rows)

    @property
    def queries(self) -> int:
        """Q of one view."""
        return self._packed.queries

    @cached_property
    def query(self) -> Tensor:
        """(at most Q,) int64, those of the N A agents that ask."""
        return torch.from_numpy(self._packed.query)

    def _pairs(self, views: slice) -> Neighbours:
        first, last, _ = views.indices(self.views)
        start = self._packed.start[first * self.queries : last * self.queries + 1]
        neighbour = self._packed.neighbour[start[0] : start[-1]]
        return Neighbours(self.queries, self._packed.chunk, start - start[0], neighbour)

    def gather(self, x: Tensor) -> Tensor:
        return x.flatten(0, 1).index_select(0, self.rows)

    def attend(self, rows: Tensor, weight_in: Tensor, heads: int, views: slice = slice(None)) -> Tensor:
        return RaggedAttention.apply(rows, weight_in, heads, self._pairs(views))

    def encode_and_attend(
        self,
        inputs: EntityInputs,
        encoders: Sequence[nn.Linear],
        weights_in: Sequence[Tensor],
        heads: int,
        views: slice = slice(None),
    ) -> Tensor:
        return encode_and_attend(inputs, self.rows, self._pairs(views), encoders, weights_in, heads)

    def pool(self, rows: Tensor, reduce: str) -> Tensor:
        seen = torch.from_numpy(self._packed.start).diff()
        asking = torch.arange(len(seen)).repeat_interleave(seen)
        values = rows.index_select(0, torch.from_numpy(self._packed.neighbour))
        if reduce == "mean":
            return rows.new_zeros(len(seen), rows.shape[1]).index_add(0, asking, values) / self.entities
        hidden = torch.where(seen < self.entities, 0.0, -torch.inf).unsqueeze(1).expand(-1, rows.shape[1])
        return hidden.to(rows.dtype).scatter_reduce(0, asking.unsqueeze(1).expand_as(values), values, "amax")

    def pair_sum(self, inputs: EntityInputs, own: Tensor, bias: Tensor, other: Tensor) -> Tensor:
        asking = self.rows.index_select(0, torch.from_numpy(self._packed.own))
        return PairSum.apply(inputs, asking, self.rows, self._pairs(slice(None)), own, bias, other)

    def gather_queries(self, x: Tensor) -> Tensor:
        padded = F.pad(self.query, (0, self.queries - len(self.query)))
        return x.flatten(1, 2).index_select(1, padded).flatten(0, 1)

    def scatter(self, x: Tensor) -> Tensor:
        views = len(x) // self.queries if self.queries else self.views
        dense = x.new_zeros(views, self.steps * self.agents, x.shape[1])
        asked = x.view(views, self.queries, x.shape[1])[:, : len(self.query)]
        dense = dense.index_copy(1, self.query, asked)
        return dense.view(views, self.steps, self.agents, x.shape[1])

    def grouping(self, membership: Tensor, groups: int) -> Tensor:
        group = membership.flatten().index_select(0, self.query)
        place = (self.query // self.agents * groups + group).masked_fill_(group < 0, -1)
        return F.pad(place, (0, self.queries - len(self.query)), value=-1)

    def group_sum(self, x: Tensor, grouping: Tensor, groups: int) -> Tensor:
        return GroupSum.apply(x, grouping, self.steps * groups).view(self.steps, groups, -1)


def plan_attention(allowed: Tensor, query_mask: Tensor) -> AttentionPlan:
    """The plan that suits the device of the masks.

    Args:
        allowed: (V, N, A, E) bool, True = the agent may look at the entity.
        query_mask: (N, A) bool, True = the agent's output is wanted.
    """
    return DensePlan(allowed, query_mask) if allowed.is_cuda else PackedPlan(allowed, query_mask)
