"""Lux AI Season 2 on the official engine (extra 'lux').

The engine itself is imported when a game begins.
"""

from typing import Any

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.plain.lazy_names import lazy_names

__all__ = ["LuxEntitiesEnv", "LuxEnv"]


def __getattr__(name: str) -> Any:
    return lazy_names(__name__, name, LuxEntitiesEnv="entity_env", LuxEnv="env")
