"""The compiled batches as a vector environment of Gymnasium: numpy arrays in, numpy arrays out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from dizoo_ext import vector_env
from dizoo_ext.batch_arguments import checked_actions
from dizoo_ext.plain.batches import make_batch
from dizoo_ext.plain.spaces import gymnasium_space
from dizoo_ext.random_stream import action_generator, fresh_seed, random_legal_actions, stream_seed

Arrays = dict[str, np.ndarray]


class BatchVectorEnv(VectorEnv[Arrays, np.ndarray, np.ndarray]):
    """``num_envs`` environments that are stepped in one compiled call; made by `make_vec`.

    An observation is a dict of arrays whose first axis runs over the environments; keys and masks are those of
    `dizoo_ext.contract`. An action is an integer per environment and agent, and must be allowed by ``action_mask``.

    Environments reset themselves as in Gymnasium 1.x (``AutoresetMode.NEXT_STEP``): the step that ends an episode
    returns its last observation; the next step ignores this environment's action and returns the first observation of
    a new episode, with reward 0 and both flags False. ``info`` has ``subtask_reward`` (n, K) and ``subtask_done``
    (n, K), zeros for environments that have just been reset, and in steps that end episodes every metric as an array
    (n,) in ``episode_info``, NaN for the others, with ``_episode_info`` (n,) saying whose are real.
    """

    metadata = {"render_modes": ["rgb_array"], "autoreset_mode": AutoresetMode.NEXT_STEP}
    render_mode = "rgb_array"

    def __init__(self, batch: vector_env.VectorEnv, observation: str, seed: int | None, is_test: bool) -> None:
        self.batch = batch
        """The environments as DI-engine's managers step them; its ``spec`` has all sizes."""
        self.num_envs = batch.num_envs
        self.single_observation_space = gymnasium_space(batch.spec.observation_space(observation))
        self.single_action_space = gymnasium_space(batch.spec.action_space())
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._is_test = is_test
        self._ended = np.zeros(self.num_envs, bool)
        self._action_mask: np.ndarray | None = None
        self._start_streams(fresh_seed() if seed is None else seed)

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Arrays, dict[str, Any]]:
        """Begin an episode in every environment.

        Args:
            seed: starts the random streams anew: environment ``i`` gets ``seed + i``, or the ``i``-th of a list.
            options: the environment's own, such as ``dict(n_tasks=2)``.

        Raises:
            ValueError: a seed outside [0, 2**32), or not one for each environment; an option that there is not.
        """
        if seed is not None:
            self._start_streams(seed)
        observation = self.batch.reset_all(options or {})
        self._ended[:] = False
        self._action_mask = observation["action_mask"]
        return observation, {}

    def step(self, actions: np.ndarray) -> tuple[Arrays, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advance all environments by a joint action each, (n, A); those that ended at the last step are reset.

        Returns:
            observation, reward (n,) float64, terminated (n,) bool, truncated (n,) bool and info.

        Raises:
            ValueError: an action is out of range, not allowed now, or of the wrong shape or type.
            RuntimeError: `reset` has not been called.
        """
        if self._action_mask is None:
            raise RuntimeError("reset the environments before stepping them")
        actions = checked_actions(actions, self.num_envs, self.batch.spec.agents)
        going, begun = np.flatnonzero(~self._ended), np.flatnonzero(self._ended)
        parts: list[tuple[np.ndarray, Arrays]] = []
        reward = np.zeros(self.num_envs)
        terminated, truncated = np.zeros(self.num_envs, bool), np.zeros(self.num_envs, bool)
        subtasks = (self.num_envs, self.batch.spec.subtasks)
        info: dict[str, Any] = {"subtask_reward": np.zeros(subtasks), "subtask_done": np.zeros(subtasks, bool)}
        if len(going):
            step = self.batch.step(actions[going], going)
            parts.append((going, step.observation))
            reward[going] = step.reward
            terminated[going] = step.done & ~step.time_limit
            truncated[going] = step.done & step.time_limit
            info["subtask_reward"][going] = step.subtask_reward
            info["subtask_done"][going] = step.subtask_done
            if step.episode_info:
                info |= self._metrics({int(going[row]): metrics for row, metrics in step.episode_info.items()})
        if len(begun):
            parts.append((begun, self.batch.reset(begun)))
        self._ended = terminated | truncated
        observation = _joined(parts, self.num_envs)
        self._action_mask = observation["action_mask"]
        return observation, reward, terminated, truncated, info

    def random_actions(self) -> np.ndarray:
        """An allowed action for every environment and agent, (n, A); ``action_space.sample()`` knows no masks."""
        if self._action_mask is None:
            raise RuntimeError("reset the environments before asking for random actions")
        return random_legal_actions(self._action_mask, self._action_generator)

    def render(self) -> tuple[np.ndarray, ...]:
        """An (H, W, 3) uint8 picture of every environment."""
        return tuple(self.batch.render(row) for row in range(self.num_envs))

    def close_extras(self, **_: Any) -> None:
        """Release what the environments hold."""
        self.batch.close()

    def _start_streams(self, seed: int | Sequence[int]) -> None:
        seeds = [seed + row for row in range(self.num_envs)] if isinstance(seed, int | np.integer) else list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"reset needs one seed per environment: {self.num_envs} environments, {len(seeds)} seeds")
        streams = [stream_seed(each, self._is_test) for each in seeds]
        self.batch.seed(streams)
        self._action_generator = action_generator(streams[0])

    def _metrics(self, of_rows: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
        is_real = np.zeros(self.num_envs, bool)
        is_real[list(of_rows)] = True
        metrics: Arrays = {}
        for row, values in of_rows.items():
            for name, value in values.items():
                metrics.setdefault(name, np.full(self.num_envs, np.nan))[row] = value
        return {"episode_info": metrics, "_episode_info": is_real}


def make_vec(name: str, num_envs: int, seed: int | None = None, is_test: bool = False, **config: Any) -> BatchVectorEnv:
    """``num_envs`` environments behind one call of numpy arrays; nothing of DI-engine or torch is imported.

    Args:
        name: 'save_the_city', 'smac_multiarmy', 'group_matching' or 'lux_entities'.
        seed: environment ``i`` draws from the stream of ``seed + i``; None draws a seed.
        is_test: draw from other streams than in training, and test scenarios where there are some.
        config: keys of a config's block ``env``, such as ``scenario`` or ``observation``.

    Raises:
        ValueError: an unknown name or key (the nearest is given), an impossible value, or a seed out of range.
        TypeError: a value of a wrong type.
    """
    batch = make_batch(name, num_envs, is_test, config)
    return BatchVectorEnv(batch, config.get("observation", "both"), seed, is_test)


def _joined(parts: Sequence[tuple[np.ndarray, Arrays]], n: int) -> Arrays:
    """One array per key of the rows that several calls have returned."""
    if len(parts) == 1:
        return parts[0][1]
    joined = {key: np.empty((n, *array.shape[1:]), array.dtype) for key, array in parts[0][1].items()}
    for rows, observation in parts:
        for key, array in observation.items():
            joined[key][rows] = array
    return joined
