"""Which actions the engine would carry out (docs/reference/lux.md#masks): nothing that is marked legal is ever refused.

Beyond the engine's rules, units never enter a tile where an own unit stands or which another own unit might enter in
the same step, nor an own factory's centre, where units are born: a team never destroys its own units.
"""

import numpy as np
from numba import njit

from dizoo_ext.lux.settings import (
    ACTIONS,
    BATTERY,
    BUILD_HEAVY,
    BUILD_LIGHT,
    DELTAS,
    DIG,
    DIG_COST,
    GIVE_ICE,
    GIVE_ORE,
    HEAVY,
    LIGHT,
    METAL_COST,
    MOVE,
    MOVE_COST,
    POWER_COST,
    QUEUE_COST,
    RECHARGE,
    RUBBLE_COST,
    STAY,
    TAKE_POWER,
    WAIT,
    WATER,
)
from dizoo_ext.lux.view import (
    F_COST,
    F_METAL,
    F_POWER,
    F_WATER,
    F_X,
    F_Y,
    SLOT,
    TEAM,
    U_HEAVY,
    U_ICE,
    U_ORE,
    U_POWER,
    U_X,
    U_Y,
    View,
)


def legal_actions(view: View, members: int, table: np.ndarray, lichen: bool) -> np.ndarray:
    """Both teams' legal actions, (2, M, 31) bool; the rows of empty slots are empty.

    A member may do nothing only when it can do nothing else, a factory already when it cannot build a heavy unit.

    Args:
        table: `dizoo_ext.lux.settings.unit_table`.
        lichen: watering is allowed, and lichen can be dug.
    """
    legal = np.zeros((2, members, ACTIONS), np.bool_)
    boards = (view.rubble, view.ice, view.ore, view.lichen)
    for team in range(2):
        _units_legal(legal[team], team, view.units, view.factories, *boards, table, lichen)
        _factories_legal(legal[team], team, view.units, view.factories, table, lichen, view.free_slots[team])
    return legal


@njit(cache=True, nogil=True)
def _units_legal(legal, team, units, factories, rubble, ice, ore, lichen, table, has_lichen):
    width, height = rubble.shape
    owner = np.full((width, height), -1, np.int64)
    stock = np.zeros((width, height), np.int64)
    barred = np.zeros((width, height), np.bool_)
    for factory in factories:
        x, y = factory[F_X], factory[F_Y]
        owner[x - 1 : x + 2, y - 1 : y + 2] = factory[TEAM]
        stock[x - 1 : x + 2, y - 1 : y + 2] = factory[F_POWER]
        barred[x, y] = True
    enemy = np.zeros((width, height), np.bool_)
    for unit in units:
        if unit[TEAM] == team:
            barred[unit[U_X], unit[U_Y]] = True
        else:
            enemy[unit[U_X], unit[U_Y]] = True
    for row in _by_rank(units, team):
        unit = units[row]
        x, y, kind, power, out = unit[U_X], unit[U_Y], unit[U_HEAVY], unit[U_POWER], legal[unit[SLOT]]
        spare = power - table[kind, QUEUE_COST]
        if spare < 0:
            out[STAY] = True
            continue
        for d in range(5):
            tx, ty = x + DELTAS[d, 0], y + DELTAS[d, 1]
            if not (0 <= tx < width and 0 <= ty < height):
                continue
            if owner[tx, ty] == team:
                out[GIVE_ICE + d] = unit[U_ICE] > 0
                out[GIVE_ORE + d] = unit[U_ORE] > 0
            if d == 0 or owner[tx, ty] == 1 - team or barred[tx, ty] or (kind == LIGHT and enemy[tx, ty]):
                continue
            cost = np.floor(table[kind, MOVE_COST] + table[kind, RUBBLE_COST] * rubble[tx, ty])
            out[MOVE + d - 1] = spare >= cost
        for d in range(1, 5):
            if out[MOVE + d - 1]:
                barred[x + DELTAS[d, 0], y + DELTAS[d, 1]] = True
        if owner[x, y] == -1:
            something = ice[x, y] > 0 or ore[x, y] > 0 or rubble[x, y] > 0 or (has_lichen and lichen[x, y] > 0)
            out[DIG] = something and spare >= table[kind, DIG_COST]
        if power < table[kind, BATTERY]:
            out[RECHARGE] = True
            if owner[x, y] == team and stock[x, y] > 0:
                out[TAKE_POWER : TAKE_POWER + 10] = True
        out[STAY] = not out.any()


@njit(cache=True, nogil=True)
def _by_rank(units, team):
    """Rows of a team's units: heavy before light, then by ice, then by power, then by age."""
    rows = np.flatnonzero(units[:, TEAM] == team)
    for i in range(1, len(rows)):
        row, j = rows[i], i - 1
        while j >= 0 and _outranks(units[row], units[rows[j]]):
            rows[j + 1] = rows[j]
            j -= 1
        rows[j + 1] = row
    return rows


@njit(cache=True, nogil=True)
def _outranks(a, b):
    for column in (U_HEAVY, U_ICE, U_POWER):
        if a[column] != b[column]:
            return a[column] > b[column]
    return False


@njit(cache=True, nogil=True)
def _factories_legal(legal, team, units, factories, table, has_lichen, free):
    """The first ``free`` of the factories that can build may: no more units are born than there are slots."""
    for factory in factories:
        if factory[TEAM] != team:
            continue
        out = legal[factory[SLOT]]
        is_clear = free > 0
        for unit in units:
            if unit[TEAM] == team and unit[U_X] == factory[F_X] and unit[U_Y] == factory[F_Y]:
                is_clear = False
        if is_clear:
            for kind, action in ((LIGHT, BUILD_LIGHT), (HEAVY, BUILD_HEAVY)):
                has_metal = factory[F_METAL] >= table[kind, METAL_COST]
                out[action] = has_metal and factory[F_POWER] >= table[kind, POWER_COST]
            free -= out[BUILD_LIGHT] or out[BUILD_HEAVY]
        # One more than it costs, for the factory itself drinks.
        out[WATER] = has_lichen and 0 < factory[F_COST] < factory[F_WATER]
        out[WAIT] = not out[BUILD_HEAVY]
