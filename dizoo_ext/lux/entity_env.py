"""Lux AI Season 2 for DI-engine, seen as entities and subtasks."""

from typing import Any, ClassVar

from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.lux.match import MATCH_CONFIG
from dizoo_ext.lux.vector import LuxVector


@ENV_REGISTRY.register("lux_entities")
class LuxEntitiesEnv(EntityEnv):
    """One game for policies of the entity contract; see `LuxVector`. Its opponent may not be 'self'."""

    config: ClassVar[dict[str, Any]] = MATCH_CONFIG | dict(opponent="none")

    @classmethod
    def make_vector_env(cls, cfg: EasyDict, num_envs: int) -> LuxVector:
        """The batch for a complete configuration; the engine is not needed for it."""
        return LuxVector(num_envs, cfg, cfg.is_test, cfg.observation)
