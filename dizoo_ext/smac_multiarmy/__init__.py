"""Multi-army StarCraft: agents in the middle of the map, armies around it (ALMA, section 5.1)."""

from typing import Any

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.plain.lazy_names import lazy_names

__all__ = ["SmacMultiArmyEnv", "SmacMultiArmyVector", "StarCraft2Env"]


def __getattr__(name: str) -> Any:
    return lazy_names(__name__, name, SmacMultiArmyEnv="env", SmacMultiArmyVector="vector", StarCraft2Env="drop_in.env")
