"""An environment of this package as other libraries of teams expect it: tuples of spaces, lists of rewards."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from dizoo_ext.batch_arguments import checked_actions
from dizoo_ext.plain.batches import batch_defaults, make_batch
from dizoo_ext.random_stream import fresh_seed, stream_seed
from dizoo_ext.strict_config import check_choice
from dizoo_ext.vector_env import Observation

FRAMES_PER_SECOND = 8


class TeamEnv(gymnasium.Env[tuple[np.ndarray, ...], tuple[int, ...]]):
    """One environment whose agents observe, act and are paid one by one, as in Level-Based Foraging.

    Observation and action spaces are Tuples with an entry per agent: (D,) float32, its row of ``agent_state``, and U
    actions. Every agent gets the team's reward. An ended episode is truncated if only its step limit ended it, else
    terminated. ``info`` has ``action_mask`` (A, U) int8, 1 for allowed, ``state`` (G,) float32, ``alive`` (A,) bool,
    and at the end ``episode_info``, the metrics. Agents that are dead, or absent in an episode with a smaller team,
    stay, with action 0 as their only allowed one.

    Args:
        name: see `batches.BATCHES`.
        render_mode: None or 'rgb_array'.
        config: keys of a config's block ``env``. Unlike there, illegal actions count as no-ops by default
            (``illegal_action="noop"``): code for tuples of agents knows no masks.

    Raises:
        ValueError: an unknown name or key (the nearest is given), or an impossible value.
        TypeError: a value of a wrong type.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": FRAMES_PER_SECOND}

    def __init__(self, name: str, render_mode: str | None = None, **config: Any) -> None:
        check_choice(render_mode, (None, "rgb_array"), "render_mode")
        self.render_mode = render_mode
        if "observation" in config:
            raise ValueError("observation cannot be chosen here: agents observe their row of agent_state")
        if "illegal_action" in batch_defaults(name):
            config.setdefault("illegal_action", "noop")
        self.batch = make_batch(name, 1, False, config)
        """The environment; its ``spec`` has all sizes."""
        sizes = self.batch.spec
        self.n_agents = sizes.agents
        seen = spaces.Box(-np.inf, np.inf, (sizes.agent_state_size,), np.float32)
        self.observation_space = spaces.Tuple([seen] * sizes.agents)
        choices: list[spaces.Space[Any]] = [spaces.Discrete(sizes.actions) for _ in range(sizes.agents)]
        self.action_space = spaces.Tuple(choices)
        self._is_seeded = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[np.ndarray, ...], dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: starts the random stream anew; without it, the stream runs on.
            options: the environment's own, such as ``dict(n_tasks=2)``.

        Raises:
            ValueError: a seed outside [0, 2**32), or an option that there is not.
        """
        super().reset(seed=seed)
        if seed is not None or not self._is_seeded:
            self.batch.seed([stream_seed(fresh_seed() if seed is None else seed, is_test=False)])
            self._is_seeded = True
        return self._seen(self.batch.reset_all(options or {}))

    def step(self, action: Any) -> tuple[tuple[np.ndarray, ...], list[float], bool, bool, dict[str, Any]]:  # type: ignore[override]  # a reward each
        """Advance by one action per agent.

        Raises:
            ValueError: an action is out of range, or there is not one per agent.
            RuntimeError: the episode has ended.
        """
        actions = checked_actions(np.asarray(action)[None], 1, self.n_agents)
        step = self.batch.step(actions)
        observation, info = self._seen(step.observation)
        done, is_cut = bool(step.done[0]), bool(step.time_limit[0])
        if done:
            info["episode_info"] = step.episode_info[0]
        return observation, [float(step.reward[0])] * self.n_agents, done and not is_cut, done and is_cut, info

    def render(self) -> np.ndarray | None:
        """The present state as (H, W, 3) uint8; None without a render mode."""
        return self.batch.render(0) if self.render_mode else None

    def close(self) -> None:
        """Release what the environment holds."""
        self.batch.close()

    def _seen(self, observation: Observation) -> tuple[tuple[np.ndarray, ...], dict[str, Any]]:
        info = {
            "action_mask": observation["action_mask"][0].astype(np.int8),
            "state": observation["global_state"][0],
            "alive": observation["entity_mask"][0, : self.n_agents],
        }
        return tuple(observation["agent_state"][0]), info
