"""Hierarchical policies for composite multi-agent tasks.

Importing this package alone costs nothing; `ding_alma.plugin` registers everything with DI-engine, and is what configs
name in ``import_names``. What users call from Python is imported when it is asked for (docs/python_api.md).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ding_alma.api.environment import make_env
    from ding_alma.api.team import Team, load
    from ding_alma.api.training import resume, train

PUBLIC = {"load": "team", "Team": "team", "train": "training", "resume": "training", "make_env": "environment"}
"""Name -> its module in `ding_alma.api`."""

__all__ = ["Team", "load", "make_env", "resume", "train"]


def __getattr__(name: str) -> Any:
    """Import what users call when they first do."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # First, so that DI-engine is imported without others' warnings.
    import_module("ding_alma.ding_import")
    return getattr(import_module(f"ding_alma.api.{PUBLIC[name]}"), name)
