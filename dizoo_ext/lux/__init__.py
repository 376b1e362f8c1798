"""Lux AI Season 2 on the official engine (extra 'lux'); importing this package registers ``lux`` and ``lux_entities``.

The engine itself is imported when a game begins.
"""

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.lux.entity_env import LuxEntitiesEnv
from dizoo_ext.lux.env import LuxEnv

__all__ = ["LuxEntitiesEnv", "LuxEnv"]
