"""The arguments of SMAC's class that the engines cannot honour, and why."""

import math
from collections.abc import Callable
from typing import Any

from dizoo_ext.smac_multiarmy.engine_interface import Engine
from dizoo_ext.smac_multiarmy.engines import ENGINES, SC2
from dizoo_ext.smac_multiarmy.match import MOVE_AMOUNT, STEP_LOOPS
from dizoo_ext.smac_multiarmy.scenarios import PLAIN_MAPS
from dizoo_ext.strict_config import check_choice

_OTHER_MAPS = {
    "1c3s5z": "Colossi",
    "2c_vs_64zg": "Colossi and Zerglings",
    "2s_vs_1sc": "a Spine Crawler",
    "6h_vs_8z": "Hydralisks",
    "bane_vs_bane": "Banelings and Zerglings",
    "corridor": "Zerglings and walls",
    "so_many_baneling": "Banelings",
}
"""SMAC's other maps, and what of them the engines lack."""
_DIFFICULTIES = (*"123456789", "A")


def check_arguments(
    *,
    map_name: str,
    engine: str | Callable[[], Engine],
    step_mul: int | None,
    move_amount: float,
    difficulty: str,
    game_version: str | None,
    obs_terrain_height: bool,
    heuristic_ai: bool,
    flags: dict[str, Any],
    numbers: dict[str, Any],
) -> None:
    """Refuse what would silently be something else than in SMAC.

    Args:
        flags: further arguments, which must be True or False.
        numbers: further arguments, which must be numbers.

    Raises:
        ValueError: an unknown map, engine or difficulty, or a value that cannot be honoured.
        TypeError: a flag that is neither True nor False, or a number that is none.
    """
    for name, value in {"obs_terrain_height": obs_terrain_height, "heuristic_ai": heuristic_ai, **flags}.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False, got {value!r}")
    for name, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"{name} must be a number, got {value!r}")
        # Written so that NaN, which compares false with everything, is refused.
        if not abs(value) < math.inf:
            raise ValueError(f"{name} must be finite, got {value!r}")
    if numbers["reward_scale_rate"] <= 0:
        raise ValueError(f"reward_scale_rate must be above 0, got {numbers['reward_scale_rate']!r}")
    if not callable(engine):
        check_choice(engine, ENGINES, "engine")
    if map_name in _OTHER_MAPS:
        raise ValueError(
            f"map_name {map_name!r} has {_OTHER_MAPS[map_name]}, which the engines here lack; "
            f"choose one of {', '.join(PLAIN_MAPS)}"
        )
    check_choice(map_name, PLAIN_MAPS, "map_name")
    check_choice(difficulty, _DIFFICULTIES, "difficulty")
    if step_mul not in (None, STEP_LOOPS):
        raise ValueError(
            f"step_mul must be {STEP_LOOPS} or None: a step here is {STEP_LOOPS} game loops, got {step_mul!r}"
        )
    if move_amount != MOVE_AMOUNT:
        raise ValueError(
            f"move_amount must be {MOVE_AMOUNT:g}: a move here is an order to that point, got {move_amount!r}"
        )
    if game_version is not None and engine != SC2:
        raise ValueError(
            f"game_version must be None with engine {engine!r}, which is not the game, got {game_version!r}; "
            "unit_profile chooses the unit data, and engine='sc2' is the game"
        )
    if obs_terrain_height:
        raise ValueError("obs_terrain_height must be False: there is no terrain here")
    if heuristic_ai:
        raise ValueError(
            "heuristic_ai must be False: its units attack from beyond the range of the actions; "
            "choose the actions in your own code"
        )
