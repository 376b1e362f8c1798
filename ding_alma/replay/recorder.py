"""Writes episodes while the policy acts, so that collectors carry no observations through Python lists."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ding_alma.replay.episode import CHOSEN, GROUPED, OBSERVED, OUTCOME, TIED, Episode


class EpisodeRecorder:
    """One growing episode per environment, in preallocated arrays environment x step.

    Call order per environment: `begin_step` with the observation and the choices, `end_step` with the outcome, ...,
    `close` with the final observation, `take`.

    Args:
        keys: observation keys to store, with their types.
        environments, steps: initial capacity; both grow when exceeded.
    """

    def __init__(self, keys: Mapping[str, torch.dtype], environments: int, steps: int = 256) -> None:
        self._keys = dict(keys)
        self._capacity = (environments, steps)
        self._arrays: dict[str, np.ndarray] = {}
        self._length = np.zeros(environments, np.int64)
        self._collected_at = np.zeros(environments, np.int64)

    def begin_step(
        self, ids: np.ndarray, observation: Mapping[str, Tensor], choice: Mapping[str, Tensor], collected_at: int
    ) -> None:
        """Store what the environments ``ids`` (n,) saw and chose; a step not ended yet is overwritten.

        Args:
            observation, choice: (n, ...) per key.
            collected_at: environment-step counter when this collection began; kept at an episode's first step.
        """
        given = {**{key: observation[key] for key in self._keys}, **{key: choice[key] for key in CHOSEN}}
        self._reserve(given, int(ids.max()) + 1)
        step = self._length[ids]
        if step.max() + 2 > self._capacity[1]:
            self._grow(self._capacity[0], 2 * self._capacity[1])
        for key, value in given.items():
            self._arrays[key][ids, step] = value.numpy()
        self._collected_at[ids[step == 0]] = collected_at

    def end_step(
        self,
        env: int | np.ndarray,
        reward: float | np.ndarray,
        subtask_reward: np.ndarray,
        subtask_done: np.ndarray,
        terminated: bool | np.ndarray,
    ) -> None:
        """Store the outcome of the transition begun last in the environment ``env``.

        For several environments (n,) at once, what is given of each has a leading axis of n.
        """
        step = self._length[env]
        arrays = self._arrays
        if "subtask_reward" not in arrays:
            for key, value in (("subtask_reward", subtask_reward), ("subtask_done", subtask_done)):
                arrays[key] = np.zeros((*self._capacity, value.shape[-1]), numpy_type(OUTCOME[key]))
        arrays["reward"][env, step] = reward
        arrays["subtask_reward"][env, step] = subtask_reward
        arrays["subtask_done"][env, step] = subtask_done
        arrays["terminated"][env, step] = terminated
        self._length[env] = step + 1

    def close(self, env: int | np.ndarray, observation: Mapping[str, np.ndarray]) -> None:
        """Store the final observation, with the allocation still held and no transition; ``env`` as in `end_step`."""
        step = self._length[env]
        for key in self._keys:
            self._arrays[key][env, step] = observation[key]
        self._arrays["allocation"][env, step] = self._arrays["allocation"][env, step - 1]
        for key in ("decision", "action", *OUTCOME):
            self._arrays[key][env, step] = 0

    def take(self, env: int) -> Episode:
        """A copy of the finished episode; the environment starts anew."""
        length = int(self._length[env])
        episode: Episode = {
            key: torch.from_numpy(array[env, : length + 1].copy()) for key, array in self._arrays.items()
        }
        episode["length"] = length
        episode["collected_at"] = int(self._collected_at[env])
        self._length[env] = 0
        return episode

    def reset(self, ids: np.ndarray | None = None) -> None:
        """Forget the unfinished episodes of ``ids`` (default: all)."""
        self._length[slice(None) if ids is None else ids[ids < len(self._length)]] = 0

    def _reserve(self, given: Mapping[str, Tensor], environments: int) -> None:
        if not self._arrays:
            self._capacity = (max(environments, self._capacity[0]), self._capacity[1])
            types = {**self._keys, **CHOSEN}
            for key, value in given.items():
                self._arrays[key] = np.zeros((*self._capacity, *value.shape[1:]), numpy_type(types[key]))
            for key in ("reward", "terminated"):
                self._arrays[key] = np.zeros(self._capacity, numpy_type(OUTCOME[key]))
            self._resize_counters()
        elif environments > self._capacity[0]:
            self._grow(environments, self._capacity[1])

    def _grow(self, environments: int, steps: int) -> None:
        old_environments, old_steps = self._capacity
        self._capacity = (environments, steps)
        for key, array in self._arrays.items():
            grown = np.zeros((environments, steps, *array.shape[2:]), array.dtype)
            grown[:old_environments, :old_steps] = array
            self._arrays[key] = grown
        self._resize_counters()

    def _resize_counters(self) -> None:
        missing = self._capacity[0] - len(self._length)
        self._length = np.pad(self._length, (0, missing))
        self._collected_at = np.pad(self._collected_at, (0, missing))


def numpy_type(dtype: torch.dtype) -> np.dtype:
    """The type of the same name."""
    return torch.empty(0, dtype=dtype).numpy().dtype


def recorded_keys(ties: bool = False, groups: bool = False) -> dict[str, torch.dtype]:
    """Observation keys a policy stores; also the ties between actions and subtasks, or the true groups, if wanted."""
    return {**OBSERVED, **(TIED if ties else {}), **(GROUPED if groups else {})}
