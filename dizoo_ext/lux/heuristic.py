"""A hand-made player: digs ice and brings it home. Deterministic and without memory.

- A factory builds a heavy unit when it can, and a light one when its metal no longer suffices for a heavy one.
- A unit at home hands over what it carries, and takes all the power that fits unless it has half of that.
- A unit that carries a quarter of its capacity, or whose power would not last for one more step, one more dig and the
  way home, goes home.
- Others dig where there is ice, or go to the nearest ice that no older own unit has chosen.
- Who cannot do what it wants to recharges, or does the first thing that is legal.
"""

import numpy as np

from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.settings import (
    BATTERY,
    BUILD_HEAVY,
    BUILD_LIGHT,
    CARGO,
    DELTAS,
    DIG,
    DIG_COST,
    GIVE_ICE,
    HEAVY,
    METAL_COST,
    MOVE,
    MOVE_COST,
    QUEUE_COST,
    RECHARGE,
    RUBBLE_COST,
    TAKE_POWER,
    WAIT,
)
from dizoo_ext.lux.view import F_METAL, F_X, F_Y, SLOT, TEAM, U_HEAVY, U_ICE, U_POWER, U_X, U_Y, View

FULL_ENOUGH = 0.25
"""Share of its capacity at which a unit goes home."""
RUBBLE_ON_THE_WAY = 20
"""What a tile on the way home is taken to hold."""


def building_actions(game: LuxGame, team: int, actions: np.ndarray) -> None:
    """Write the factories' actions of one team into ``actions`` (M,)."""
    view, legal = game.view, game.legal[team]
    for factory in view.factories[view.factories[:, TEAM] == team]:
        slot, action = factory[SLOT], WAIT
        if legal[slot, BUILD_HEAVY]:
            action = BUILD_HEAVY
        elif legal[slot, BUILD_LIGHT] and factory[F_METAL] < game.table[HEAVY, METAL_COST]:
            action = BUILD_LIGHT
        actions[slot] = action


def heuristic_actions(game: LuxGame, team: int) -> np.ndarray:
    """Legal actions (M,) int64 of one team; those of empty slots are 0."""
    view = game.view
    actions = np.zeros(game.settings.members, np.int64)
    building_actions(game, team, actions)
    homes = view.factories[view.factories[:, TEAM] == team][:, [F_X, F_Y]]
    ice = np.argwhere(view.ice > 0)
    is_free = np.ones(len(ice), bool)
    for unit in view.units[view.units[:, TEAM] == team]:
        legal = game.legal[team, unit[SLOT]]
        wanted = _wanted(unit, legal, view, game.table[unit[U_HEAVY]], homes, ice, is_free)
        if not legal[wanted]:
            wanted = RECHARGE if legal[RECHARGE] else int(legal.argmax())
        actions[unit[SLOT]] = wanted
    return actions


def _wanted(
    unit: np.ndarray,
    legal: np.ndarray,
    view: View,
    costs: np.ndarray,
    homes: np.ndarray,
    ice: np.ndarray,
    is_free: np.ndarray,
) -> int:
    """What a unit would like to do; marks the ice that it chooses in ``is_free``."""
    here = unit[[U_X, U_Y]]
    home = homes[np.abs(homes - here).sum(1).argmin()]
    is_home = np.abs(home - here).max() <= 1
    if is_home and legal[GIVE_ICE]:
        return GIVE_ICE
    if is_home and legal[TAKE_POWER] and 2 * unit[U_POWER] < costs[BATTERY]:
        return TAKE_POWER + 9
    step = costs[QUEUE_COST] + costs[MOVE_COST] + costs[RUBBLE_COST] * RUBBLE_ON_THE_WAY
    needed = costs[DIG_COST] + costs[QUEUE_COST] + step * (1 + np.abs(home - here).sum())
    if unit[U_ICE] >= FULL_ENOUGH * costs[CARGO] or (unit[U_POWER] < needed and not is_home):
        return RECHARGE if is_home else _towards(home, here, legal, view)
    open_ice = np.flatnonzero(is_free)
    if not len(open_ice):
        return RECHARGE
    chosen = open_ice[np.abs(ice[open_ice] - here).sum(1).argmin()]
    is_free[chosen] = False
    if (ice[chosen] == here).all():
        return DIG
    return _towards(ice[chosen], here, legal, view)


def _towards(target: np.ndarray, here: np.ndarray, legal: np.ndarray, view: View) -> int:
    """The legal step that comes nearest, over the least rubble among equals."""
    best, best_key = RECHARGE, None
    for d in range(1, 5):
        if not legal[MOVE + d - 1]:
            continue
        there = here + DELTAS[d]
        key = (np.abs(target - there).sum(), view.rubble[there[0], there[1]])
        if best_key is None or key < best_key:
            best, best_key = MOVE + d - 1, key
    return best
