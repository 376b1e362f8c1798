"""What a team sees: one map of 18 planes (19 with lichen), indexed [plane, x, y] (docs/reference/lux.md#planes).

Quantities v with a maximum m are shown as 2 v / m - 1 and may exceed 1. The planes, in this order:

=======  ==========================================================================================================
0        step of the game, everywhere
1        1 by day, 0 by night, everywhere
2-6      power (of 3000), ice, water, ore, metal (of 1000) of every factory of both teams, at its centre; 0 elsewhere
7        water that watering costs (of 1000), at the same places
8-11     own units: 1 if heavy; power, ice, ore relative to what its type holds; 0 elsewhere
12       1 on the four neighbours of own factories' centres
13, 14   1 on ice, on ore
15       rubble
16       1 on own units
17       1 on enemy units and on the four neighbours of enemy factories' centres
18       lichen
=======  ==========================================================================================================
"""

import numpy as np
from numba import njit

from dizoo_ext.lux.settings import BATTERY, CARGO, DELTAS
from dizoo_ext.lux.view import (
    F_ICE,
    F_METAL,
    F_ORE,
    F_POWER,
    F_STRAIN,
    F_WATER,
    F_X,
    F_Y,
    TEAM,
    U_HEAVY,
    U_ICE,
    U_ORE,
    U_POWER,
    U_X,
    U_Y,
    View,
)

FACTORY_POWER, FACTORY_CARGO = 3000.0, 1000.0


def draw_planes(view: View, teams: int, planes: int, game: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Maps of the first ``teams`` players, (teams, planes, W, W) float32, freshly allocated.

    Args:
        game: (4,) float64: steps of a game, steps of a day and night, steps of a day, largest rubble.
        table: `dizoo_ext.lux.settings.unit_table`.
    """
    maps = np.zeros((teams, planes, *view.rubble.shape), np.float32)
    boards = (view.rubble, view.ice, view.ore, view.lichen, view.lichen_strains)
    _draw(maps, view.step, view.units, view.factories, *boards, game, table)
    return maps


@njit(cache=True, nogil=True)
def _draw(maps, step, units, factories, rubble, ice, ore, lichen, strains, game, table):
    teams, planes, width, height = maps.shape
    length, cycle, day, max_rubble = game
    when = 2 * step / length - 1
    light = 1.0 if step % cycle < day else 0.0
    maps[:, 0] = when
    maps[:, 1] = light
    for x in range(width):
        for y in range(height):
            maps[0, 13, x, y] = ice[x, y] > 0
            maps[0, 14, x, y] = ore[x, y] > 0
            maps[0, 15, x, y] = 2 * rubble[x, y] / max_rubble - 1
    for factory in factories:
        x, y = factory[F_X], factory[F_Y]
        tiles = 0
        if planes > 18:
            tiles = (strains == factory[F_STRAIN]).sum()
        maps[0, 2, x, y] = 2 * factory[F_POWER] / FACTORY_POWER - 1
        maps[0, 3, x, y] = 2 * factory[F_ICE] / FACTORY_CARGO - 1
        maps[0, 4, x, y] = 2 * factory[F_WATER] / FACTORY_CARGO - 1
        maps[0, 5, x, y] = 2 * factory[F_ORE] / FACTORY_CARGO - 1
        maps[0, 6, x, y] = 2 * factory[F_METAL] / FACTORY_CARGO - 1
        maps[0, 7, x, y] = 2 * (tiles // 10 + 1) / FACTORY_CARGO - 1
    if planes > 18:
        for x in range(width):
            for y in range(height):
                maps[0, 18, x, y] = 2 * lichen[x, y] / 100 - 1
    if teams > 1:
        maps[1] = maps[0]
    for team in range(teams):
        for factory in factories:
            plane = 12 if factory[TEAM] == team else 17
            for d in range(1, 5):
                maps[team, plane, factory[F_X] + DELTAS[d, 0], factory[F_Y] + DELTAS[d, 1]] = 1
        for unit in units:
            x, y, kind = unit[U_X], unit[U_Y], unit[U_HEAVY]
            if unit[TEAM] != team:
                maps[team, 17, x, y] = 1
                continue
            maps[team, 8, x, y] = kind
            maps[team, 9, x, y] = 2 * unit[U_POWER] / table[kind, BATTERY] - 1
            maps[team, 10, x, y] = 2 * unit[U_ICE] / table[kind, CARGO] - 1
            maps[team, 11, x, y] = 2 * unit[U_ORE] / table[kind, CARGO] - 1
            maps[team, 16, x, y] = 1
