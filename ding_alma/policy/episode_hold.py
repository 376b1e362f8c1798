"""What running episodes carry from step to step, and when the next decision is due (ALMA, section 4.1; COPA)."""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


class EpisodeHold:
    """Values that are held between an environment's steps, and the clock of its decisions.

    A decision (an allocation, a coach's broadcast) is due at an episode's first step, ``period`` steps after the last
    decision, and at once when the set of unfinished subtasks changes; the clock restarts at every decision.

    Args:
        initial: name -> value before an episode's first step, without a batch axis.
        subtasks: K, padded maximum.
        period: steps between decisions, at least 1; None = only changes make decisions due.
        environments: initial capacity; grows with the ids seen.
    """

    def __init__(self, initial: Mapping[str, Tensor], subtasks: int, period: int | None, environments: int) -> None:
        self._period = period
        self._initial = dict(initial)
        self._held = {name: value.expand(environments, *value.shape).clone() for name, value in initial.items()}
        self._subtask_mask = torch.zeros(environments, subtasks, dtype=torch.bool)
        self._age = torch.zeros(environments, dtype=torch.int64)
        self._fresh = torch.ones(environments, dtype=torch.bool)

    def begin_step(self, ids: np.ndarray, subtask_mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Look up what the environments ``ids`` (n,) carry into this step.

        Args:
            subtask_mask: (n, K) bool, present and unfinished.

        Returns:
            due (n,) bool, and the values held (n, ...) by name.
        """
        self._reserve(int(ids.max()) + 1)
        at = torch.from_numpy(ids)
        due = self._fresh[at] | (self._subtask_mask[at] != subtask_mask).any(-1)
        if self._period is not None:
            due |= self._age[at] >= self._period
        self._subtask_mask[at] = subtask_mask
        return due, {name: value[at] for name, value in self._held.items()}

    def end_step(self, ids: np.ndarray, due: Tensor, **held: Tensor) -> None:
        """Remember the new values (n, ...) of every name, and which environments decided."""
        at = torch.from_numpy(ids)
        for name, value in self._held.items():
            value[at] = held[name]
        self._age[at] = torch.where(due, 1, self._age[at] + 1)
        self._fresh[at] = False

    def reset(self, ids: np.ndarray | None = None) -> None:
        """The next step of ``ids`` (default: all) is the first of an episode."""
        at = slice(None) if ids is None else torch.from_numpy(ids[ids < len(self._fresh)])
        self._fresh[at] = True
        for name, value in self._held.items():
            value[at] = self._initial[name]

    def _reserve(self, environments: int) -> None:
        missing = environments - len(self._fresh)
        if missing <= 0:
            return
        for name, value in self._initial.items():
            self._held[name] = torch.cat([self._held[name], value.expand(missing, *value.shape)])
        self._subtask_mask = F.pad(self._subtask_mask, (0, 0, 0, missing))
        self._age = F.pad(self._age, (0, missing))
        self._fresh = F.pad(self._fresh, (0, missing), value=True)
