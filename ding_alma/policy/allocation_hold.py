"""Allocations are decided now and then and held in between (ALMA paper, section 4.1; spec: 'when decisions happen')."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class AllocationHold:
    """What each environment's running episode carries from step to step: allocation, last action, decision clock.

    A decision is due at an episode's first step, ``period`` steps after the last decision, and at once when the set of
    unfinished subtasks changes; the clock restarts at every decision.

    Args:
        agents: A, padded maximum.
        subtasks: K, padded maximum.
        period: steps between decisions, at least 1.
        environments: initial capacity; grows with the ids seen.
    """

    def __init__(self, agents: int, subtasks: int, period: int, environments: int) -> None:
        self._period = period
        self._allocation = torch.full((environments, agents), -1)
        self._last_action = torch.full((environments, agents), -1)
        self._subtask_mask = torch.zeros(environments, subtasks, dtype=torch.bool)
        self._age = torch.zeros(environments, dtype=torch.int64)
        self._fresh = torch.ones(environments, dtype=torch.bool)

    def begin_step(self, ids: np.ndarray, subtask_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Look up what the environments ``ids`` (n,) carry into this step.

        Args:
            subtask_mask: (n, K) bool, present and unfinished.

        Returns:
            due (n,) bool, allocation held (n, A) int64 (-1 for none), last action (n, A) int64 (-1 for none).
        """
        self._reserve(int(ids.max()) + 1)
        at = torch.from_numpy(ids)
        fresh = self._fresh[at]
        changed = (self._subtask_mask[at] != subtask_mask).any(-1)
        due = fresh | changed | (self._age[at] >= self._period)
        self._subtask_mask[at] = subtask_mask
        return due, self._allocation[at], self._last_action[at]

    def end_step(self, ids: np.ndarray, due: Tensor, allocation: Tensor, action: Tensor) -> None:
        """Remember what was chosen: allocation (n, A) and action (n, A) int64."""
        at = torch.from_numpy(ids)
        self._allocation[at] = allocation
        self._last_action[at] = action
        self._age[at] = torch.where(due, 1, self._age[at] + 1)
        self._fresh[at] = False

    def reset(self, ids: np.ndarray | None = None) -> None:
        """The next step of ``ids`` (default: all) is the first of an episode."""
        at = slice(None) if ids is None else torch.from_numpy(ids[ids < len(self._fresh)])
        self._fresh[at] = True
        self._allocation[at] = -1
        self._last_action[at] = -1

    def _reserve(self, environments: int) -> None:
        missing = environments - len(self._fresh)
        if missing <= 0:
            return
        self._allocation = F.pad(self._allocation, (0, 0, 0, missing), value=-1)
        self._last_action = F.pad(self._last_action, (0, 0, 0, missing), value=-1)
        self._subtask_mask = F.pad(self._subtask_mask, (0, 0, 0, missing))
        self._age = F.pad(self._age, (0, missing))
        self._fresh = F.pad(self._fresh, (0, missing), value=True)
