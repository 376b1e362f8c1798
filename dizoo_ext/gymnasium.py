"""Every environment of this package through Gymnasium's interface.

from dizoo_ext.gymnasium import make_env
env = make_env("save_the_city", scenario="2-5a_2-5b")

Importing this module also registers `plain.registration.ENVIRONMENTS` with Gymnasium, whose agents observe and act one
by one: ``gymnasium.make("ding_alma/SaveTheCity-2-5a_2-5b-v0")``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np

from dizoo_ext.batch_arguments import checked_options
from dizoo_ext.plain.registration import register_environments
from dizoo_ext.plain.spaces import gymnasium_space
from dizoo_ext.strict_config import check_choice

if TYPE_CHECKING:
    from dizoo_ext.configured_env import ConfiguredEnv

FRAMES_PER_SECOND = 8


class EntityGymEnv(gymnasium.Env[dict[str, np.ndarray], np.ndarray]):
    """A DI-engine environment of this package as a Gymnasium environment of the whole team.

    Observations are those of `dizoo_ext.contract`, an action is a joint action (A,), and the reward is the global one.
    An episode that only its time limit has ended is truncated. ``info`` has ``subtask_reward`` (K,) and
    ``subtask_done`` (K,) in every step, and ``episode_info``, the metrics, at the end.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": FRAMES_PER_SECOND}
    render_mode = "rgb_array"

    def __init__(self, env: "ConfiguredEnv") -> None:
        self._env = env
        self.observation_space = gymnasium_space(env.observation_space)
        self.action_space = gymnasium_space(env.action_space)

    @property
    def env(self) -> "ConfiguredEnv":
        """The environment as DI-engine sees it; an `EntityEnv` states its sizes as ``entity_spec``."""
        return self._env

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: starts the random stream anew; without it, the stream runs on.
            options: the environment's own, such as ``dict(n_tasks=2)``.

        Raises:
            ValueError: a seed outside [0, 2**32), or an option that there is not.
        """
        super().reset(seed=seed)
        if seed is not None:
            self._env.seed(seed)
        return self._env.reset(**checked_options(options or {}, self._env.reset)), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        """Advance by a joint action.

        Raises:
            ValueError: an action is out of range, not allowed now, or of the wrong shape or type.
            RuntimeError: the episode has ended.
        """
        observation, reward, done, info = self._env.step(np.asarray(action))
        is_cut = done and bool(info["time_limit"])
        return observation, float(reward[0]), done and not is_cut, is_cut, info

    def random_action(self) -> np.ndarray:
        """A random joint action of those that are allowed now; ``action_space.sample()`` knows no masks."""
        return self._env.random_action()

    def render(self, allocation: np.ndarray | None = None) -> np.ndarray:
        """The present state as (H, W, 3) uint8; ``allocation`` (A,) draws each agent's subtask, -1 for none."""
        return self._env.render() if allocation is None else self._env.render(allocation=allocation)

    def close(self) -> None:
        """Release what the environment holds."""
        self._env.close()


def make_env(name: str, **config: Any) -> EntityGymEnv:
    """One environment by its registered name, such as ``"save_the_city"``.

    Args:
        config: keys of the config's block ``env``, such as ``scenario`` or ``episode_limit``.

    Raises:
        ValueError: an unknown name or key, or an impossible value; the message has the nearest valid one.
        TypeError: a value of a wrong type.
    """
    import_module("dizoo_ext.plugin")
    registry = import_module("ding.utils").ENV_REGISTRY
    ours = import_module("dizoo_ext.configured_env").ConfiguredEnv
    known = {each: kind for each, kind in registry.items() if isinstance(kind, type) and issubclass(kind, ours)}
    check_choice(name, known, "environment")
    return EntityGymEnv(known[name](config))


register_environments()
