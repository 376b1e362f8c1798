"""Composite multi-agent environments for DI-engine, and for everybody else.

Importing this package alone costs nothing; `dizoo_ext.plugin` registers all environments with DI-engine, and is what
configs name in ``import_names``. `dizoo_ext.make_vec` steps batches of them without DI-engine, and `from_pettingzoo`
adapts other people's (docs/neighbours.md).
"""

from typing import TYPE_CHECKING, Any

from dizoo_ext.gym_notice import keep_gym_from_printing
from dizoo_ext.plain.lazy_names import lazy_names

if TYPE_CHECKING:
    from dizoo_ext.adapter import PettingZooEnv, TeamGame, View, from_pettingzoo
    from dizoo_ext.plain.make_vec import make_vec

__all__ = ["PettingZooEnv", "TeamGame", "View", "from_pettingzoo", "make_vec"]

keep_gym_from_printing()


def __getattr__(name: str) -> Any:
    homes = dict.fromkeys(("PettingZooEnv", "TeamGame", "View", "from_pettingzoo"), "adapter")
    return lazy_names(__name__, name, make_vec="plain.make_vec", **homes)
