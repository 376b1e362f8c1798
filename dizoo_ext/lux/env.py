"""Lux AI Season 2 for DI-engine, seen as maps."""

from collections.abc import Mapping
from typing import Any, ClassVar

import gym
import numpy as np
from ding.envs import BaseEnvTimestep
from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.configured_env import ConfiguredEnv
from dizoo_ext.contract import MapSpec
from dizoo_ext.entity_env import gif_name
from dizoo_ext.episode_gif import EpisodeGif
from dizoo_ext.lux.match import MATCH_CONFIG, LuxMatch
from dizoo_ext.lux.metrics import METRICS
from dizoo_ext.lux.observation import PLANE_TYPES, map_observation, map_space
from dizoo_ext.lux.opponents import SELF
from dizoo_ext.lux.replay import EpisodeReplays
from dizoo_ext.lux.settings import ACTIONS, FACTORY, UNIT
from dizoo_ext.lux.trajectories import RULES
from dizoo_ext.lux.warm_up import warm_up
from dizoo_ext.random_stream import (
    StreamState,
    action_generator,
    fresh_seed,
    kept_stream,
    random_legal_actions,
    seed_and_state,
    stream_seed,
)
from dizoo_ext.strict_config import check_choice, check_range


@ENV_REGISTRY.register("lux")
class LuxEnv(ConfiguredEnv):
    """One game for policies over maps: P teams (2 under opponent 'self', else 1) with M members each.

    Members are factories (slots 0 .. ``max_factories`` - 1) and units. A step's timestep holds

    - ``obs``: see `dizoo_ext.lux.observation.map_observation`;
    - ``reward`` (1,) float32: what the members of a team earned together, the mean of the P teams;
    - ``info``: ``member_reward`` (P, M) float32, ``time_limit`` bool, and at the end ``episode_info`` (see
      `dizoo_ext.lux.metrics`) and ``eval_episode_return``.

    Actions are (P, M) integers, see `dizoo_ext.lux.settings`. The engine is imported at the first reset.

    The random stream starts once, at `seed` or at the first reset, and runs on through all episodes; no global
    generator is read or written.
    """

    config: ClassVar[dict[str, Any]] = dict(
        **MATCH_CONFIG,
        # (str) Which members share a trajectory under policy.trajectories = 'given', see lux/trajectories.py.
        trajectories="entity",
        # (int) Number of trajectories of units under trajectories = 'unit_trajectories'.
        unit_trajectories=1,
        # (str) Type of the planes: 'float32', or 'float16', which halves the memory of collections.
        plane_type="float32",
    )

    def __init__(self, cfg: Mapping[str, Any] | None = None) -> None:
        """Check ``cfg`` and read the spaces; the engine is not needed for it.

        Raises:
            ValueError: an unknown key or an impossible value.
            TypeError: a value of a wrong type.
        """
        super().__init__(cfg)
        check_choice(self._cfg.eval_metric, METRICS, "env.eval_metric")
        check_choice(self._cfg.trajectories, RULES, "env.trajectories")
        check_range(self._cfg.unit_trajectories, "env.unit_trajectories", 1, self._cfg.max_units)
        if self._cfg.trajectories == "quadrants":
            check_range(self._cfg.max_units, "env.max_units (for trajectories = 'quadrants')", 4)
        check_choice(self._cfg.plane_type, PLANE_TYPES, "env.plane_type")
        self.match = LuxMatch(self._cfg, self._cfg.is_test)
        settings = self.match.settings
        self.map_spec = MapSpec(
            teams=self.match.teams,
            members=settings.members,
            member_types=len((FACTORY, UNIT)),
            actions=ACTIONS,
            planes=settings.planes,
            map_size=settings.map_size,
            episode_limit=self.match.limit,
        )
        self.observation_space = map_space(self.map_spec, self._cfg.plane_type)
        self.action_space = gym.spaces.MultiDiscrete(np.full((self.map_spec.teams, settings.members), ACTIONS))
        self.reward_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self._seed: int | None = None
        self._episode_stream: StreamState | None = None
        self._is_begun = False
        self._replay_folder: str | None = None
        self._replays: EpisodeReplays | None = None
        self._gif: EpisodeGif | None = None

    @staticmethod
    def create_collector_env_cfg(cfg: EasyDict) -> list[EasyDict]:
        """One separate copy of ``cfg`` per collector environment, after `warm_up`."""
        warm_up()
        return ConfiguredEnv.create_collector_env_cfg(cfg)

    @staticmethod
    def create_evaluator_env_cfg(cfg: EasyDict) -> list[EasyDict]:
        """One separate copy of ``cfg`` per evaluator environment, after `warm_up`."""
        warm_up()
        return ConfiguredEnv.create_evaluator_env_cfg(cfg)

    @property
    def _env(self) -> "LuxEnv":
        """What DI-engine's evaluator draws when it films, as soon as there is something to draw."""
        if not self._is_begun:
            raise AttributeError("nothing to draw before the first reset")
        return self

    @property
    def stream_state(self) -> StreamState | None:
        """Where the random stream stands now; `seed` takes it. None before it has started."""
        return kept_stream(self._seed, self.match.stream_state())

    @property
    def episode_stream_state(self) -> StreamState | None:
        """Where the random stream stood when the present episode was drawn from it."""
        return self._episode_stream

    def seed(self, seed: int | StreamState, dynamic_seed: bool | None = None) -> None:
        """Start the random stream, or let it go on from a `stream_state`; ``dynamic_seed`` has no effect.

        Raises a ValueError outside [0, 2**32).
        """
        self._start_stream(seed)

    def reset(self, map_seed: int | None = None) -> dict[str, np.ndarray]:
        """Begin a game; ``map_seed`` plays the engine's map of this seed instead of drawing one."""
        seed = self._start_stream(fresh_seed()) if self._seed is None else self._seed
        self._episode_stream = self.stream_state
        if self._replay_folder is not None and self._replays is None:
            name, other = gif_name(type(self), seed), self.match.opponent
            self._replays = EpisodeReplays(self._replay_folder, name, ("policy", "policy" if other == SELF else other))
            self._gif = EpisodeGif(self._replay_folder, name)
        self.match.reset(map_seed, None if self._replays is None else self._replays.begin())
        self._is_begun = True
        if self._gif is not None:
            self._gif.begin(self.render())
        return self._observe()

    def step(self, action: np.ndarray) -> BaseEnvTimestep:
        """Advance by one action per team and slot (P, M); those of empty slots are ignored.

        Raises:
            ValueError: an action is out of range, not allowed now, or of the wrong shape or type.
            RuntimeError: the episode has ended.
        """
        outcome = self.match.step(np.asarray(action))
        info: dict[str, Any] = {
            "member_reward": outcome.member_reward.astype(np.float32),
            "time_limit": outcome.time_limit,
        }
        if self._gif is not None:
            self._gif.add(self.render(), outcome.done)
        if outcome.metrics is not None:
            info["episode_info"] = outcome.metrics
            info["eval_episode_return"] = outcome.metrics[self._cfg.eval_metric]
            if self._replays is not None:
                self._replays.write()
        reward = np.array([outcome.member_reward.sum(1).mean()], np.float32)
        return BaseEnvTimestep(self._observe(), reward, outcome.done, info)

    def random_action(self) -> np.ndarray:
        """A random allowed action per team and slot, (P, M) int64. Raises a RuntimeError before the first reset."""
        if not self._is_begun:
            raise RuntimeError("reset the environment before asking for a random action")
        return random_legal_actions(self.match.game.legal[: self.match.teams], self._action_generator)

    def render(self, mode: str = "rgb_array") -> np.ndarray:
        """Draw the present state as (480, 480, 3) uint8."""
        check_choice(mode, self.metadata["render.modes"], "render mode")
        return self.match.render()

    def enable_save_replay(self, replay_path: str) -> None:
        """Write two files of every episode that starts from now on into the folder ``replay_path``: a ``.json`` for the
        official viewer and a ``.gif``."""
        self._replay_folder = replay_path

    def close(self) -> None:
        """Nothing is held open."""
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.match.settings}, opponent={self.match.opponent!r})"

    def _start_stream(self, seed: int | StreamState) -> int:
        number, state = seed_and_state(seed)
        self._seed = number
        stream = stream_seed(number, self._cfg.is_test)
        self.match.seed(stream)
        if state is not None:
            self.match.set_stream_state(state)
        self._action_generator = action_generator(stream)
        return number

    def _observe(self) -> dict[str, np.ndarray]:
        cfg = self._cfg
        return map_observation(
            self.match.game, slice(0, self.match.teams), cfg.trajectories, cfg.unit_trajectories, cfg.plane_type
        )
