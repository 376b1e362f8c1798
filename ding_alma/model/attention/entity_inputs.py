"""What the networks of agents and mixers read of every entity, as a regular tensor and as its non-zero entries."""

from functools import cached_property
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.one_hot import one_hot


class SparseRows(NamedTuple):
    """The non-zero entries of N E rows of I columns, row after row. CPU only."""

    start: np.ndarray
    """(N E + 1,) int64, where each row's entries begin."""
    column: np.ndarray
    """(Z,) int32."""
    value: np.ndarray
    """(Z,) float32."""


class EntityInputs:
    """Features of N x E entities followed by the one-hot last action, which is zero for non-agents and where it is -1.

    Environments describe entities by types, positions and the like, mostly one-hot: four entries of five are zero, and
    a first layer that skips them costs a fifth. Both forms are made when they are first asked for.
    """

    def __init__(self, entities: Tensor, last_action: Tensor | None = None, actions: int = 0) -> None:
        """Args: entities (N, E, F) float32; last_action (N, A) int64; actions, U or 0 to leave the last action out."""
        self._entities = entities
        self._last_action = last_action if actions else None
        self._actions = actions
        self.columns = entities.shape[2] + actions
        """I = F + U."""

    @cached_property
    def dense(self) -> Tensor:
        """(N, E, I)."""
        if self._last_action is None:
            return self._entities
        steps, rows, features = self._entities.shape
        inputs = self._entities.new_empty(steps, rows, self.columns)
        inputs[..., :features] = self._entities
        inputs[..., features:] = 0
        inputs[:, : self._last_action.shape[1], features:] = one_hot(self._last_action, self._actions)
        return inputs

    @cached_property
    def sparse(self) -> SparseRows:
        """The same without the zeros."""
        entities = self._entities.contiguous().numpy()
        if self._last_action is None:
            last_action = np.empty((len(entities), 0), np.int64)
        else:
            last_action = self._last_action.contiguous().numpy()
        size = _count_entries(entities) + last_action.size
        rows = SparseRows(
            np.empty(entities.shape[0] * entities.shape[1] + 1, np.int64),
            np.empty(size, np.int32),
            np.empty(size, np.float32),
        )
        _find_entries(entities, last_action, *rows)
        return rows

    @cached_property
    def is_sparse(self) -> bool:
        """Whether skipping zeros pays: a skipping product takes about three times as long per entry."""
        start = self.sparse.start
        used = np.count_nonzero(np.diff(start))
        return 3 * int(start[-1]) < used * self.columns

    def with_columns(self, more: Tensor) -> "EntityInputs":
        """The inputs followed by further columns (N, E, C)."""
        return EntityInputs(torch.cat([self.dense, more], -1))


@numba.njit(cache=True, nogil=True)
def _count_entries(entities):
    count = 0
    for entry in entities.reshape(-1):
        count += entry != 0
    return count


@numba.njit(cache=True, nogil=True)
def _find_entries(entities, last_action, start, column, value):
    steps, rows, features = entities.shape
    place = 0
    for step in range(steps):
        for row in range(rows):
            start[step * rows + row] = place
            for feature in range(features):
                entry = entities[step, row, feature]
                if entry != 0:
                    column[place] = feature
                    value[place] = entry
                    place += 1
            if row < last_action.shape[1] and last_action[step, row] >= 0:
                column[place] = features + last_action[step, row]
                value[place] = 1
                place += 1
    start[steps * rows] = place
