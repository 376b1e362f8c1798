"""Turns the members' actions into what the engine takes (docs/reference/lux.md#actions)."""

from typing import Any

import numpy as np

from dizoo_ext.lux.settings import (
    BATTERY,
    BUILD_LIGHT,
    DIG,
    GIVE_ICE,
    GIVE_ORE,
    MOVE,
    RECHARGE,
    STAY,
    TAKE_POWER,
    WAIT,
)
from dizoo_ext.lux.view import F_POWER, F_STRAIN, F_X, F_Y, SLOT, TEAM, U_HEAVY, U_POWER, U_X, U_Y, View

_MOVE, _TRANSFER, _PICKUP, _DIG, _RECHARGE = 0, 1, 2, 3, 5
_ICE, _ORE, _POWER = 0, 1, 4


def engine_actions(
    view: View, team: int, actions: np.ndarray, table: np.ndarray, units: dict[str, Any], max_transfer: int
) -> dict[str, Any]:
    """What one team sends to the engine.

    Nothing is sent to a unit whose queue already begins with its action (compared without repeats), which saves the
    power that new orders cost.

    Args:
        actions: (M,) int, one per slot; those of empty slots are ignored.
        table: `dizoo_ext.lux.settings.unit_table`.
        units: the engine's units of the team, in the order of ``view.units``.
        max_transfer: largest amount that one transfer may name.
    """
    sent: dict[str, Any] = {}
    own = view.units[view.units[:, TEAM] == team].tolist()
    factories = view.factories[view.factories[:, TEAM] == team].tolist()
    batteries = table[:, BATTERY].astype(int).tolist()
    chosen = actions.tolist()
    for row, (name, unit) in zip(own, units.items(), strict=True):
        action = chosen[row[SLOT]]
        if action == STAY:
            continue
        order = _order(action, row, factories, view.ice, batteries[row[U_HEAVY]], max_transfer)
        queue = unit.action_queue
        if not queue or queue[0].state_dict()[:4].tolist() != order[:4]:
            sent[name] = [order]
    for row in factories:
        action = chosen[row[SLOT]]
        if action != WAIT:
            sent[f"factory_{row[F_STRAIN]}"] = action - BUILD_LIGHT
    return sent


def _order(
    action: int, unit: list[int], factories: list[list[int]], ice: np.ndarray, battery: int, max_transfer: int
) -> list[int]:
    """[type, direction, resource, amount, repeat, times] of a unit's action."""
    if action < GIVE_ICE:
        return [_MOVE, action - MOVE + 1, 0, 0, 0, 1]
    if action < GIVE_ORE:
        return [_TRANSFER, action - GIVE_ICE, _ICE, max_transfer, 0, 1]
    if action < TAKE_POWER:
        return [_TRANSFER, action - GIVE_ORE, _ORE, max_transfer, 0, 1]
    x, y = unit[U_X], unit[U_Y]
    if action < DIG:
        below = next(row for row in factories if abs(row[F_X] - x) <= 1 and abs(row[F_Y] - y) <= 1)
        fits = min(below[F_POWER], battery - unit[U_POWER])
        return [_PICKUP, 0, _POWER, round(fits * (action - TAKE_POWER + 1) / 10), 0, 1]
    if action < RECHARGE:
        return [_DIG, 0, 0, 0, int(ice[x, y] > 0), 1]
    return [_RECHARGE, 0, 0, battery, 0, 1]
