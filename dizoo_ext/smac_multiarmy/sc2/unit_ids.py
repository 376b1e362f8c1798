"""Which numbers the running game gives to the types of units (docs/reference/smac.md#ids-of-the-maps-units)."""

import logging
from collections.abc import Mapping

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.units import RL_CATALOGUE, UNIT_NAMES, rl_name, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ENEMY

FIRST_RL_ID = 1935
"""The first id of the maps' own units in game build 69232."""
_FIRST_OWN_ID = 1000


def unit_ids(names: Mapping[int, str]) -> np.ndarray:
    """The game's ids, (2, len(UNIT_NAMES)) int64, indexed by owner and type.

    Enemies have the game's own types, whose ids never change. Allies have the copies that the map defines; their ids
    depend on the game's version and are found by name, else as the last ones of the catalogue, else guessed.

    Args:
        names: id -> name, as the game's data say.
    """
    table = unit_table()
    ids = np.empty((2, len(UNIT_NAMES)), dtype=np.int64)
    ids[ENEMY] = table["game_id"]
    by_name = {name: number for number, name in names.items()}
    if all(rl_name(unit) in by_name for unit in UNIT_NAMES):
        ids[ALLY] = [by_name[rl_name(unit)] for unit in UNIT_NAMES]
        return ids
    first = len(names) - len(RL_CATALOGUE)
    if first < _FIRST_OWN_ID:
        first = FIRST_RL_ID
        logging.warning(
            f"the game does not name units such as {rl_name(UNIT_NAMES[0])}: taking the ids of game build 69232, from "
            f"{first} on; if battles do not start, use that build"
        )
    ids[ALLY] = [first + RL_CATALOGUE.index(unit) for unit in UNIT_NAMES]
    return ids
