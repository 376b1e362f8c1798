"""The one DI-engine environment class that all environments of this package share."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import gym
import numpy as np
from ding.envs import BaseEnvTimestep
from easydict import EasyDict

from dizoo_ext.configured_env import ConfiguredEnv
from dizoo_ext.contract import OBSERVATION_CHOICES
from dizoo_ext.episode_gif import EpisodeGif
from dizoo_ext.random_stream import (
    StreamState,
    action_generator,
    fresh_seed,
    kept_stream,
    random_legal_actions,
    seed_and_state,
    stream_seed,
)
from dizoo_ext.strict_config import check_choice
from dizoo_ext.timestep import observation_rows, timestep_rows
from dizoo_ext.vector_env import VectorEnv


class EntityEnv(ConfiguredEnv):
    """One environment for DI-engine: a `VectorEnv` of size 1.

    A subclass supplies ``config`` and `make_vector_env`, and registers itself. Observations follow
    `dizoo_ext.contract`, timesteps follow `dizoo_ext.timestep.timestep_rows`.

    The random stream starts once, at `seed` or at the first reset, and runs on through all episodes: neither a reset
    nor DI-engine's ``dynamic_seed`` restarts it, and no global generator is read or written.
    """

    config: ClassVar[dict[str, Any]] = dict(
        # (str) Keys of the observation: 'entities', 'flat' (for DI-engine's own policies) or 'both'.
        observation="both",
    )

    def __init__(self, cfg: Mapping[str, Any] | None = None) -> None:
        """Check ``cfg`` against the defaults and read the spaces.

        Raises:
            ValueError: an unknown key or an impossible value.
            TypeError: a value of a wrong type.
        """
        super().__init__(cfg)
        check_choice(self._cfg.observation, OBSERVATION_CHOICES, "env.observation")
        self._vector_env = self.make_vector_env(self._cfg, 1)
        if self.metrics is not None:
            check_choice(self._cfg.eval_metric, self.metrics, "env.eval_metric")
        self.entity_spec = self._vector_env.spec
        self.observation_space = self.entity_spec.observation_space(self._cfg.observation)
        self.action_space = self.entity_spec.action_space()
        self.reward_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self._seed: int | None = None
        self._episode_stream: StreamState | None = None
        self._action_mask: np.ndarray | None = None
        self._replay_path: str | None = None
        self._gif: EpisodeGif | None = None

    @classmethod
    @abstractmethod
    def make_vector_env(cls, cfg: EasyDict, num_envs: int) -> VectorEnv:
        """Build a batch of ``num_envs`` environments from a complete, checked configuration.

        Must be cheap and must check the environment's own values: it is also called just to read ``spec``. Whatever is
        slow, such as starting a game, waits for the first reset.
        """

    @property
    def _env(self) -> "EntityEnv":
        """What DI-engine's evaluator draws when it films, as soon as there is something to draw."""
        if self._action_mask is None:
            raise AttributeError("nothing to draw before the first reset")
        return self

    @property
    def metrics(self) -> tuple[str, ...] | None:
        """Names of what an episode reports at its end; None where only its end tells them."""
        return self._vector_env.metrics

    @property
    def stream_state(self) -> StreamState | None:
        """Where the random stream stands now; `seed` takes it. None before it has started, or where unknown."""
        return None if self._seed is None else kept_stream(self._seed, self._vector_env.stream_state(0))

    @property
    def episode_stream_state(self) -> StreamState | None:
        """Where the random stream stood when the present episode was drawn from it."""
        return self._episode_stream

    def seed(self, seed: int | StreamState, dynamic_seed: bool | None = None) -> None:
        """Start the random stream, or let it go on from a `stream_state`; ``dynamic_seed`` has no effect.

        Raises a ValueError outside [0, 2**32).
        """
        self._start_stream(seed)

    def reset(self, **options: Any) -> dict[str, np.ndarray]:
        """Begin an episode; ``options`` are the environment's own (see its `VectorEnv.reset`).

        Raises a ValueError for one that it does not have.
        """
        seed = self._started_seed()
        self._episode_stream = self.stream_state
        observation = observation_rows(self._vector_env.reset_all(options))[0]
        self._action_mask = observation["action_mask"]
        if self._replay_path is not None:
            self._gif = self._gif or EpisodeGif(self._replay_path, gif_name(type(self), seed))
            self._gif.begin(self._vector_env.render(0))
        return observation

    def step(self, action: np.ndarray) -> BaseEnvTimestep:
        """Advance by one joint action (A,) of integers.

        Raises:
            ValueError: an action is out of range, not allowed now, or of the wrong shape or type.
            RuntimeError: the episode has ended.
        """
        timestep = timestep_rows(self._vector_env.step(joint_actions([action])), self._cfg.eval_metric)[0]
        self._action_mask = timestep.obs["action_mask"]
        if self._gif is not None:
            self._gif.add(self._vector_env.render(0), timestep.done)
        return timestep

    def random_action(self) -> np.ndarray:
        """A random allowed action per agent, (A,) int64. Raises a RuntimeError before the first reset."""
        if self._action_mask is None:
            raise RuntimeError("reset the environment before asking for a random action")
        return random_legal_actions(self._action_mask, self._action_generator)

    def render(self, mode: str = "rgb_array", allocation: np.ndarray | None = None) -> np.ndarray:
        """Draw the present state as (H, W, 3) uint8; ``allocation`` (A,) draws each agent's subtask (-1 for none)."""
        check_choice(mode, self.metadata["render.modes"], "render mode")
        return self._vector_env.render(0, allocation)

    def enable_save_replay(self, replay_path: str) -> None:
        """Write a GIF of every episode that starts from now on into the folder ``replay_path``."""
        self._replay_path = replay_path

    def close(self) -> None:
        """Release what the environment holds."""
        self._vector_env.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.entity_spec})"

    def _started_seed(self) -> int:
        """What the random stream started from; where nobody has started it, it does so now."""
        return self._start_stream(fresh_seed()) if self._seed is None else self._seed

    def _start_stream(self, seed: int | StreamState) -> int:
        number, state = seed_and_state(seed)
        self._seed = number
        stream = stream_seed(number, self._cfg.is_test)
        self._vector_env.seed([stream])
        if state is not None:
            self._vector_env.set_stream_state(state, 0)
        self._action_generator = action_generator(stream)
        return number


def joint_actions(actions: list[np.ndarray]) -> np.ndarray:
    """Stack the joint actions of several environments, (n, A). Raises a ValueError unless they are integers."""
    joint = np.array(actions)
    if joint.dtype.kind not in "iu":
        raise ValueError(f"actions must be integers, one per agent, got an array of {joint.dtype}: {actions!r}")
    return joint


def gif_name(env_class: type[EntityEnv], seed: int) -> str:
    """File name stem of an environment's GIFs: the seeds of one manager's environments differ."""
    return f"{env_class.__name__}_seed{seed}"
