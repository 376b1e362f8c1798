"""Which engines a configuration can name, and how to make them."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from dizoo_ext.smac_multiarmy.engine_interface import Engine
from dizoo_ext.strict_config import check_block

EMBEDDED, SC2 = ENGINES = ("embedded", "sc2")
SC2_CONFIG = dict(
    # (str) File of the map; None looks for map_name in the game's folder.
    map_path=None,
    # (str) Name of the map, without folder and ending.
    map_name="empty_passive",
    # (str) Such as '4.6.2'; None takes the newest version that is installed.
    game_version=None,
    # (int) Launches that one reset makes before it gives up.
    launch_attempts=3,
    # (float) Seconds; a launch waits a random part of it, so that many environments do not launch at once.
    launch_spread=2.0,
    # (float) Seconds that the game may take to start, and again to load the map.
    launch_timeout=180.0,
    # (float) Seconds that the game may take for any other answer.
    request_timeout=60.0,
)
"""Entries of ``env.sc2``; see `sc2.engine.StarCraftEngine`."""


def engine_maker(engine: str, sc2: Mapping[str, Any], num_envs: int) -> Callable[[], Engine]:
    """A function that makes one engine.

    Args:
        engine: 'sc2'; nothing of the real game is imported for any other.
        sc2: entries that replace those of `SC2_CONFIG`.
        num_envs: environments that this process is to step.

    Raises:
        ValueError: an unknown key, or several environments for games that are to run side by side.
    """
    check_block(sc2, SC2_CONFIG, "env.sc2")
    if num_envs > 1:
        raise ValueError(
            f"env.engine '{engine}' plays one game per process, got {num_envs} environments in one; "
            "use env_manager.type 'subprocess'"
        )
    module = importlib.import_module("dizoo_ext.smac_multiarmy.sc2.engine")
    return lambda: module.StarCraftEngine(**SC2_CONFIG | dict(sc2))
