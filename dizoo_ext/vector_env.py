"""The protocol of a batch of environments that are stepped at once."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dizoo_ext.batch_arguments import checked_options
from dizoo_ext.contract import EntitySpec

Observation = dict[str, np.ndarray]
"""Key -> array whose first axis runs over the environments of the call; the keys are those of `dizoo_ext.contract`."""


class VectorStep(NamedTuple):
    """What one step of ``n`` environments returns; row ``j`` belongs to the ``j``-th environment of the call."""

    observation: Observation
    """After the step; where ``done``, the terminal observation (nothing is reset by a step)."""
    reward: np.ndarray
    """(n,) float64, global reward."""
    done: np.ndarray
    """(n,) bool."""
    time_limit: np.ndarray
    """(n,) bool, the episode was cut by its step limit alone."""
    subtask_reward: np.ndarray
    """(n, K) float64."""
    subtask_done: np.ndarray
    """(n, K) bool, finished or absent."""
    subtasks_changed: np.ndarray
    """(n,) bool, some entry of ``subtask_done`` differs from the previous step's."""
    episode_info: dict[int, dict[str, float]]
    """Row -> the environment's metrics of the finished episode, for the rows that are ``done``."""


class VectorEnv(ABC):
    """``num_envs`` independent environments behind one call.

    Each environment owns one random stream, which `seed` starts and nothing else touches: a trace depends on the
    environment's seed, its reset options and its actions, never on who else is in the batch. Every array handed out is
    freshly allocated, so callers may keep references.
    """

    spec: EntitySpec
    num_envs: int
    metrics: tuple[str, ...] | None = None
    """Names in ``episode_info``; None where only the end of an episode tells them."""

    @abstractmethod
    def seed(self, seeds: Sequence[int], ids: np.ndarray | None = None) -> None:
        """Start the random streams of the environments ``ids`` (default: all), one seed each."""

    def stream_state(self, env: int) -> dict[str, Any] | None:
        """Where one environment's random stream stands: copies, in arrays, numbers and dicts of them.

        None, which stands here, means that it cannot be told: a resumed run then begins the stream anew.
        """
        return None

    def set_stream_state(self, state: Mapping[str, Any], env: int) -> None:
        """Let one environment, seeded before, draw on from a `stream_state`; the next call must be a reset."""
        raise NotImplementedError(f"{type(self).__name__} hands out no stream states, so it can take none")

    # With both kinds of free arguments a type checker lets subclasses name theirs.
    @abstractmethod
    def reset(self, ids: np.ndarray | None = None, *_: Any, **options: Any) -> Observation:
        """Begin new episodes in the environments ``ids`` (default: all) and return their first observations.

        ``options`` are keywords, the environment's own, which subclasses name.
        """

    def reset_all(self, options: Mapping[str, Any]) -> Observation:
        """`reset` of all environments with a user's options.

        Raises a ValueError for one that `reset` does not name, a TypeError for a value of a wrong type.
        """
        return self.reset(**checked_options(options, self.reset)) if options else self.reset()

    @abstractmethod
    def step(self, actions: np.ndarray, ids: np.ndarray | None = None) -> VectorStep:
        """Advance the environments ``ids`` (default: all) by one joint action each.

        Args:
            actions: (n, A) integers.

        Raises:
            ValueError: an action is out of range, not allowed now, or of the wrong shape.
            RuntimeError: an environment has not been reset since its episode ended.
        """

    @abstractmethod
    def render(self, env: int = 0, allocation: np.ndarray | None = None) -> np.ndarray:
        """Draw one environment as an (H, W, 3) uint8 image; ``allocation`` (A,) subtask per agent, -1 for none."""

    def close(self) -> None:
        """Release what the environments hold."""
        return None
