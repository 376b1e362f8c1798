"""Hierarchical policies for composite multi-agent tasks; importing this package registers them with DI-engine."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ding_alma.ding_patches import apply_patches
from ding_alma.model import qmix
from ding_alma.policy import alma, aqmix, batch_collector, coma_ext, copa, mppo, refil, vdn
from ding_alma.replay import ring
from ding_alma.run.hooks import register_hooks

if TYPE_CHECKING:
    from ding_alma.api.environment import make_env
    from ding_alma.api.team import Team, load
    from ding_alma.api.training import resume, train

PUBLIC = {"load": "team", "Team": "team", "train": "training", "resume": "training", "make_env": "environment"}
"""What users call from Python (docs/python_api.md) -> its module in `ding_alma.api`, imported when it is asked for."""

__all__ = [
    "Team",
    "alma",
    "aqmix",
    "batch_collector",
    "coma_ext",
    "copa",
    "load",
    "make_env",
    "mppo",
    "qmix",
    "refil",
    "resume",
    "ring",
    "train",
    "vdn",
]


def __getattr__(name: str) -> Any:
    """Import what users call when they first do."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ding_alma.api.{PUBLIC[name]}"), name)


register_hooks()
apply_patches()
