"""The entities of decisions that an attention needs, as rows of one matrix; compiled loops, for CPUs."""

from typing import NamedTuple, Self

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.packing import GRAIN, pack, whole_grains
from ding_alma.model.attention.ragged_attention import Neighbours, RaggedAttention


class DecisionRows(NamedTuple):
    """Who attends to whom among the E entities of N decisions."""

    rows: np.ndarray
    """(R,) int64, entities in (N, E) flattened that ask or are looked at, see `packing`."""
    asking: np.ndarray
    """Those that ask, in the order of what they see."""
    pairs: Neighbours
    """Who looks at whom; its queries are ``asking`` in whole grains."""

    @classmethod
    def of(cls, allowed: Tensor, query_mask: Tensor) -> Self:
        """Args: allowed (N, Q, E) bool, the first Q entities may look; query_mask (N, Q) bool, they ask."""
        packed = pack(allowed.unsqueeze(0).contiguous().numpy(), query_mask.contiguous().numpy())
        pairs = Neighbours(packed.queries, packed.chunk, packed.start, packed.neighbour)
        return cls(packed.rows, packed.rows[packed.own[: len(packed.query)]], pairs)

    def attend(self, rows: Tensor, attention: EntityAttention) -> Tensor:
        """(Q, D) multi-head attention before the output projection. Args: rows (R, D), encoded."""
        return RaggedAttention.apply(rows, attention.project_in.weight, attention.heads, self.pairs)


def describe(
    rows: np.ndarray, state: DecisionState, allocation: Tensor, permutation: Tensor, counts: bool = False
) -> Tensor:
    """What the networks are told about entities: features and subtask, the latter in permuted order.

    Args:
        rows: (R,) int64 in (N, E) flattened; -1 gives zeros.
        allocation: (N, A) int64, the agents' subtasks.
        permutation: (S,) int64, see `SubtaskEmbedding`.
        counts: append 1, the number of agents and the number of others on the entity's subtask, all scaled.

    Returns:
        (R, F + S), or (R, F + S + 3) with ``counts``.
    """
    features = state.entities.shape[-1]
    out = torch.zeros(len(rows), features + len(permutation) + 3 * counts)
    _describe(
        *(rows, state.entities.contiguous().numpy(), state.entity_subtask.contiguous().numpy()),
        *(allocation.contiguous().numpy(), np.argsort(permutation.numpy()), np.float32(COUNT_SCALE), counts),
        out.numpy(),
    )
    return out


def fill_up(rows: np.ndarray) -> np.ndarray:
    """Rows (R,) filled up with -1 to whole grains."""
    return np.pad(rows, (0, whole_grains(len(rows), GRAIN) - len(rows)), constant_values=-1)


_compiled = numba.njit(cache=True, nogil=True)


@_compiled
def _describe(rows, entities, subtask, allocation, column, scale, counts, out):
    features, agents = entities.shape[2], allocation.shape[1]
    for row in range(rows.shape[0]):
        if rows[row] < 0:
            continue
        n, e = rows[row] // entities.shape[1], rows[row] % entities.shape[1]
        for feature in range(features):
            out[row, feature] = entities[n, e, feature]
        on = allocation[n, e] if e < agents else subtask[n, e]
        if on < 0:
            continue
        out[row, features + column[on]] = 1
        if counts:
            out[row, -3] = scale
            for a in range(agents):
                if allocation[n, a] == on:
                    out[row, -2] += scale
            for other in range(agents, entities.shape[1]):
                if subtask[n, other] == on:
                    out[row, -1] += scale
