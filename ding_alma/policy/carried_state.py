"""What episodes carry from step to step, and when a decision is due (docs/reference/alma.md#when-decisions-are-due)."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


class CarriedState:
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
        # In numpy, because these arrays are so small that torch's overhead per call would be all of the cost.
        self._initial = {name: value.numpy() for name, value in initial.items()}
        self._held = {name: _repeat(value, environments) for name, value in self._initial.items()}
        self._subtask_mask = np.zeros((environments, subtasks), bool)
        self._age = np.zeros(environments, np.int64)
        self._fresh = np.ones(environments, bool)

    def begin_step(self, ids: np.ndarray, subtask_mask: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Look up what the environments ``ids`` (n,) carry into this step.

        Args:
            subtask_mask: (n, K) bool, present and unfinished.

        Returns:
            due (n,) bool, and the values held (n, ...) by name.
        """
        self._reserve(int(ids.max()) + 1)
        unfinished = subtask_mask.numpy()
        due = self._fresh[ids] | (self._subtask_mask[ids] != unfinished).any(-1)
        if self._period is not None:
            due |= self._age[ids] >= self._period
        self._subtask_mask[ids] = unfinished
        return torch.from_numpy(due), {name: torch.from_numpy(value[ids]) for name, value in self._held.items()}

    def end_step(self, ids: np.ndarray, due: Tensor, **held: Tensor) -> None:
        """Remember the new values (n, ...) of every name, and which environments decided."""
        for name, value in self._held.items():
            value[ids] = held[name].numpy()
        self._age[ids] = np.where(due.numpy(), 1, self._age[ids] + 1)
        self._fresh[ids] = False

    def reset(self, ids: np.ndarray | None = None) -> None:
        """The next step of ``ids`` (default: all) is the first of an episode."""
        at = slice(None) if ids is None else ids[ids < len(self._fresh)]
        self._fresh[at] = True
        for name, value in self._held.items():
            value[at] = self._initial[name]

    def _reserve(self, environments: int) -> None:
        missing = environments - len(self._fresh)
        if missing <= 0:
            return
        for name, value in self._initial.items():
            self._held[name] = np.concatenate([self._held[name], _repeat(value, missing)])
        self._subtask_mask = np.pad(self._subtask_mask, ((0, missing), (0, 0)))
        self._age = np.pad(self._age, (0, missing))
        self._fresh = np.pad(self._fresh, (0, missing), constant_values=True)


def _repeat(value: np.ndarray, times: int) -> np.ndarray:
    return np.repeat(value[None], times, 0)
