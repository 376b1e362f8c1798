"""The multi-robot warehouse for DI-engine."""

from collections.abc import Callable
from typing import Any, ClassVar

from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.adapter import PettingZooEnv, View
from dizoo_ext.rware.game import WarehouseGame
from dizoo_ext.rware.view import WarehouseView

GAME_KEYS = ("agents", "requests", "shelf_columns", "shelf_rows", "column_height")


@ENV_REGISTRY.register("rware")
class WarehouseEnv(PettingZooEnv):
    """A warehouse for DI-engine; see `WarehouseGame` and `WarehouseView`. Needs the extra ``rware``, for the first
    reset."""

    config: ClassVar[dict[str, Any]] = dict(
        # (int) Robots.
        agents=2,
        # (int) Shelves that are requested at a time.
        requests=2,
        # (int) Blocks of shelves side by side, an odd number.
        shelf_columns=3,
        # (int) Blocks of shelves one behind the other.
        shelf_rows=1,
        # (int) Shelves from front to back in a block.
        column_height=2,
        # (int) Steps after which an episode is cut; nothing else ends it.
        episode_limit=100,
    )
    view: ClassVar[Callable[[Any], View]] = WarehouseView

    @classmethod
    def make_game(cls, cfg: EasyDict) -> WarehouseGame:
        """The game for a complete configuration."""
        return WarehouseGame(**{key: cfg[key] for key in GAME_KEYS})
