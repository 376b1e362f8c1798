"""The environment manager ``vector``: DI-engine's collectors and evaluators on one batch of environments."""

import logging
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from ding.envs import BaseEnvManager, BaseEnvTimestep
from ding.envs.env_manager.base_env_manager import EnvState
from ding.utils import ENV_MANAGER_REGISTRY
from easydict import EasyDict

from dizoo_ext.entity_env import EntityEnv, gif_name, joint_actions
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
from dizoo_ext.ready_observations import ReadyObservations
from dizoo_ext.timestep import episode_return, timestep_rows
from dizoo_ext.vector_env import Observation, VectorEnv, VectorStep

_BASE_ONLY = {"max_retry": 1, "step_timeout": None, "reset_timeout": None}


@ENV_MANAGER_REGISTRY.register("vector")
class VectorEnvManager(BaseEnvManager):
    """Steps all environments of an `EntityEnv` class in one call of its `VectorEnv`.

    For equal seeds and actions its episodes equal those of DI-engine's ``base`` manager. Environments whose episode has
    ended are reset together; the timestep keeps the true last observation.
    """

    _closed: bool
    _vector_env: VectorEnv

    def __init__(self, env_fn: list[partial], cfg: EasyDict) -> None:
        """
        Args:
            env_fn: one ``partial(<EntityEnv subclass>, cfg=...)`` per environment, all configured alike.

        Raises:
            TypeError: an entry of ``env_fn`` does not build an `EntityEnv`.
            ValueError: configurations differ, or ``cfg`` asks to retry or to time out single environments.
        """
        super().__init__(env_fn, cfg)
        if not isinstance(self._env_ref, EntityEnv):
            raise TypeError(
                f"env_manager.type 'vector' needs subclasses of EntityEnv, got {type(self._env_ref).__name__}; "
                "use 'base' or 'subprocess'"
            )
        self.check_config(cfg)
        self._env_class = type(self._env_ref)
        self._check_equal_configurations()
        self._all_ids = list(range(self.env_num))

    @staticmethod
    def check_config(cfg: EasyDict) -> None:
        """Raise a ValueError if ``cfg`` asks to retry or to time out single environments."""
        for key, only in _BASE_ONLY.items():
            if cfg.get(key, only) != only:
                raise ValueError(
                    f"env.manager.{key} must be {only} with env_manager.type 'vector', which steps all environments in "
                    f"one call, got {cfg[key]!r}; use 'base' or 'subprocess'"
                )

    @property
    def ready_imgs(self) -> dict[int, np.ndarray]:
        """An (H, W, 3) uint8 image of each environment that waits for an action."""
        return {i: self._vector_env.render(i) for i in self.ready_obs_id}

    @property
    def stream_state(self) -> list[StreamState | None]:
        """Of every environment, see `EntityEnv.stream_state`."""
        return [kept_stream(self._seeds.get(i), self._vector_env.stream_state(i)) for i in self._all_ids]

    @property
    def episode_stream_state(self) -> list[StreamState | None]:
        """Of every environment, see `EntityEnv.episode_stream_state`."""
        return [kept_stream(self._seeds.get(i), self._episode_streams.get(i)) for i in self._all_ids]

    def reset(self, reset_param: dict[int, dict[str, Any] | None] | None = None) -> None:
        """Begin new episodes: in all environments, or in those that are keys of ``reset_param``.

        The values are reset options; an environment keeps them for its later automatic resets. While replays are
        saved, an unfinished episode is not cut off.
        """
        self._check_closed()
        if reset_param is not None:
            self._reset_param.update({i: options or {} for i, options in reset_param.items()})
        ids = self._all_ids if reset_param is None else list(reset_param)
        self._start_streams(ids)
        if self._gifs:
            running = [i for i in ids if self._env_states[i] == EnvState.RUN]
            if running:
                logging.warning(f"environments {running} are saving a replay: their episodes go on")
            ids = [i for i in ids if i not in running]
        self._begin_episodes(ids)

    def step(self, actions: dict[int, np.ndarray]) -> dict[int, BaseEnvTimestep]:
        """Advance the environments that are keys of ``actions`` by one joint action (A,) each.

        Raises:
            ValueError: an action is out of range, not allowed now, or of the wrong shape or type.
            RuntimeError: an environment's episode has ended and it was not reset.
        """
        self._check_closed()
        if not actions:
            return {}
        step = self.step_batch(np.array(list(actions)), joint_actions(list(actions.values())))
        return dict(zip(actions, timestep_rows(step, self._env_ref.cfg.eval_metric), strict=True))

    def ready_batch(self, ids: np.ndarray, keys: Collection[str]) -> Observation:
        """As `ready_obs`, of the environments ``ids`` (n,) in one batch: those of ``keys`` that there are, (n, ...)."""
        return self._ready_obs.batch(ids.tolist(), keys)

    def step_batch(self, ids: np.ndarray, actions: np.ndarray) -> VectorStep:
        """As `step`, of the environments ``ids`` (n,) by joint actions (n, A), with the outcome in one batch."""
        self._check_closed()
        listed = ids.tolist()
        step = self._vector_env.step(actions, None if listed == self._all_ids else ids)
        self._ready_obs.put(listed, step.observation)
        if self._gifs:
            for i, done in zip(listed, step.done.tolist(), strict=True):
                self._gifs[i].add(self._vector_env.render(i), done)
        again = []
        for i in ids[step.done].tolist():
            self._env_episode_count[i] += 1
            if self._env_episode_count[i] >= self._episode_num:
                self._env_states[i] = EnvState.DONE
            elif self._auto_reset:
                again.append(i)
            else:
                self._env_states[i] = EnvState.NEED_RESET
        self._begin_episodes(again)
        return step

    def episode_return(self, episode_info: Mapping[str, float]) -> float:
        """What `step` calls ``eval_episode_return``, of one entry of `step_batch`'s ``episode_info``."""
        return episode_return(episode_info, self._env_ref.cfg.eval_metric)

    def random_action(self) -> dict[int, np.ndarray]:
        """A random allowed joint action (A,) int64 for each environment that waits for one."""
        return {
            i: random_legal_actions(observation["action_mask"], self._action_generators[i])
            for i, observation in self.ready_obs.items()
        }

    def close(self) -> None:
        """Release what the environments hold."""
        if self._closed:
            return
        self._vector_env.close()
        self._env_states = dict.fromkeys(self._all_ids, EnvState.VOID)
        self._closed = True

    def _create_state(self) -> None:
        ids = self._all_ids
        self._env_episode_count = dict.fromkeys(ids, 0)
        self._ready_obs = ReadyObservations()
        self._reset_param: dict[int, dict[str, Any]] = {i: {} for i in ids}
        self._env_states = dict.fromkeys(ids, EnvState.INIT)
        # DI-engine reads attributes of all environments through this list; equal configurations make them equal.
        self._envs = [self._env_ref] * self.env_num
        self._vector_env = self._env_class.make_vector_env(self._env_ref.cfg, self.env_num)
        self._action_generators: dict[int, np.random.Generator] = {}
        self._gifs: dict[int, EpisodeGif] = {}
        self._seeds: dict[int, int] = {}
        self._episode_streams: dict[int, dict[str, Any] | None] = {}
        self._closed = False

    def _start_streams(self, ids: Iterable[int]) -> None:
        """Seed those environments that were given a seed since their last one, or that never had any."""
        for i in ids:
            seed = self._env_seed[i]
            if seed is None:
                if i in self._action_generators:
                    continue
                seed = fresh_seed()
            seed, state = seed_and_state(seed)
            stream = stream_seed(seed, self._env_ref.cfg.is_test)
            self._vector_env.seed([stream], np.array([i]))
            if state is not None:
                self._vector_env.set_stream_state(state, i)
            self._seeds[i] = seed
            self._action_generators[i] = action_generator(stream)
            self._env_seed[i] = None
            if self._env_replay_path is not None:
                self._gifs[i] = EpisodeGif(self._env_replay_path[i], gif_name(self._env_class, seed))

    def _begin_episodes(self, ids: list[int]) -> None:
        plain = [i for i in ids if not self._reset_param[i]]
        calls: list[tuple[list[int], dict[str, Any]]] = [(plain, {})] if plain else []
        calls += [([i], self._reset_param[i]) for i in ids if self._reset_param[i]]
        self._episode_streams.update({i: self._vector_env.stream_state(i) for i in ids})
        for group, options in calls:
            rows = None if group == self._all_ids else np.array(group)
            self._ready_obs.put(group, self._vector_env.reset(rows, **options))
            for i in group:
                self._env_states[i] = EnvState.RUN
                if i in self._gifs:
                    self._gifs[i].begin(self._vector_env.render(i))

    def _check_equal_configurations(self) -> None:
        first = None
        for i, make in enumerate(self._env_fn):
            if not isinstance(make, partial) or make.func is not self._env_class:
                raise TypeError(
                    f"environment {i} must be a functools.partial of {self._env_class.__name__}, got {make!r}"
                )
            first = make if first is None else first
            if (make.args, make.keywords) != (first.args, first.keywords):
                raise ValueError(
                    "env_manager.type 'vector' needs equal configurations, but those of the environments "
                    f"0 and {i} differ: {first.keywords!r} and {make.keywords!r}; use 'base' or 'subprocess'"
                )
