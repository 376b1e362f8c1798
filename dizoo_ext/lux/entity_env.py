"""Lux AI Season 2 for DI-engine, seen as entities and subtasks."""

from typing import Any, ClassVar

import numpy as np
from ding.envs import BaseEnvTimestep
from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.entity_env import EntityEnv, gif_name
from dizoo_ext.lux.match import MATCH_CONFIG
from dizoo_ext.lux.replay import EpisodeReplays
from dizoo_ext.lux.vector import LuxVector
from dizoo_ext.lux.warm_up import warm_up


@ENV_REGISTRY.register("lux_entities")
class LuxEntitiesEnv(EntityEnv):
    """One game for policies of the entity contract; see `LuxVector`. Its opponent may not be 'self'.

    Where replays are saved, every episode leaves a ``.json`` for the official viewer beside the ``.gif``.
    """

    _vector_env: LuxVector
    _replays: EpisodeReplays | None = None
    config: ClassVar[dict[str, Any]] = MATCH_CONFIG | dict(
        # (str) As for maps, but 'self'.
        opponent="none",
        # (str) Actions outside of the mask: 'raise', or 'noop' to take none instead.
        illegal_action="raise",
    )

    @classmethod
    def make_vector_env(cls, cfg: EasyDict, num_envs: int) -> LuxVector:
        """The batch for a complete configuration; the engine is not needed for it."""
        return LuxVector(num_envs, cfg, cfg.is_test, cfg.observation, cfg.illegal_action)

    @staticmethod
    def create_collector_env_cfg(cfg: EasyDict) -> list[EasyDict]:
        """One separate copy of ``cfg`` per collector environment, after `warm_up`."""
        warm_up()
        return EntityEnv.create_collector_env_cfg(cfg)

    @staticmethod
    def create_evaluator_env_cfg(cfg: EasyDict) -> list[EasyDict]:
        """One separate copy of ``cfg`` per evaluator environment, after `warm_up`."""
        warm_up()
        return EntityEnv.create_evaluator_env_cfg(cfg)

    def reset(self, **options: Any) -> dict[str, np.ndarray]:
        """Begin a game; ``map_seed`` plays the engine's map of this seed instead of drawing one."""
        seed = self._started_seed()
        if self._replay_path is not None and self._replays is None:
            players = ("policy", self._cfg.opponent)
            self._replays = EpisodeReplays(self._replay_path, gif_name(type(self), seed), players)
        if self._replays is not None:
            self._vector_env.replay = self._replays.begin()
        return super().reset(**options)

    def step(self, action: np.ndarray) -> BaseEnvTimestep:
        """Advance by one joint action; see `EntityEnv.step`."""
        timestep = super().step(action)
        if timestep.done and self._replays is not None:
            self._replays.write()
        return timestep
