"""Composite multi-agent environments for DI-engine.

Importing this package alone costs nothing; `dizoo_ext.plugin` registers all environments with DI-engine, and is what
configs name in ``import_names``. What adapts other environments is imported when it is asked for (docs/neighbours.md).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dizoo_ext.adapter import PettingZooEnv, TeamGame, View, from_pettingzoo

__all__ = ["PettingZooEnv", "TeamGame", "View", "from_pettingzoo"]


def __getattr__(name: str) -> Any:
    """Import what users call when they first do."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("dizoo_ext.adapter"), name)
