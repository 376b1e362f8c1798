"""What policies over entities see of a game: own robots are the agents, own factories the subtasks.

Entities, in this order: the agents (one per unit slot), own factories, enemy factories, enemy units. Features:

======  ===========================================================================================================
0-3     1 if it is a light unit, a heavy unit, a factory; 1 if it is an enemy
4, 5    x, y, from -1 to 1
6-8     power, ice, ore, relative to what its type holds (factories: 3000, 1000, 1000)
9, 10   water, metal, of 1000 (factories)
11-14   on its tile: rubble (of 100), ice, ore, own factory
15-18   rubble above, right, below, left (of 100; 1 beyond the map)
19-24   (dx, dy) to the nearest ice, ore and own factory, relative to the map's side; 0 if there is none
25, 26  step of the game (0 to 1), 1 by day
======  ===========================================================================================================
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from dizoo_ext.contract import EntitySpec
from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.planes import FACTORY_CARGO, FACTORY_POWER
from dizoo_ext.lux.settings import BATTERY, CARGO, DELTAS, GIVE_ICE, GIVE_ORE, STAY, TAKE_POWER, LuxSettings
from dizoo_ext.lux.view import (
    F_ICE,
    F_METAL,
    F_ORE,
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
)

FEATURES = 27
UNIT_ACTIONS = 27
_LIGHT, _HEAVY, _FACTORY, _ENEMY, _X, _Y, _POWER, _ICE, _ORE, _WATER, _METAL, _TILE = range(12)
_AROUND, _OFFSETS, _TIME = 15, 19, 25


class EntityLook(NamedTuple):
    """One team's observation of a game."""

    entities: np.ndarray
    """(E, F) float32."""
    entity_mask: np.ndarray
    """(E,) bool."""
    action_mask: np.ndarray
    """(A, 27) bool; a living robot may always do nothing: what it was told before goes on."""
    action_subtask: np.ndarray
    """(A, 27) int64: handing over to a factory, and taking power from it, are tied to it."""
    nearest: np.ndarray
    """(A,) int64, nearest own factory (Manhattan; the first of equals), -1 for absent robots."""


def lux_entity_spec(settings: LuxSettings, episode_limit: int) -> EntitySpec:
    """Sizes of the entity view."""
    units, factories = settings.max_units, settings.max_factories
    sizes = (units, 2 * (units + factories), factories, UNIT_ACTIONS, FEATURES, episode_limit)
    return EntitySpec(*sizes, coordinates=(_X, _Y))


def entity_subtasks(settings: LuxSettings) -> np.ndarray:
    """(E,) int64, the subtask of every entity."""
    ties = np.full(2 * settings.members, -1)
    ties[settings.max_units : settings.members] = np.arange(settings.max_factories)
    return ties


def look_at(game: LuxGame) -> EntityLook:
    """The first team's observation of the present state, freshly allocated."""
    settings, view = game.settings, game.view
    units, factories, size = settings.max_units, settings.max_factories, settings.map_size
    entities = np.zeros((2 * (units + factories), FEATURES), np.float32)
    mask = np.zeros(len(entities), np.bool_)
    owner = np.full((size, size), -1)
    for row in view.factories[view.factories[:, TEAM] == 0].tolist():
        owner[row[F_X] - 1 : row[F_X] + 2, row[F_Y] - 1 : row[F_Y] + 2] = row[SLOT]
    # Rows of a team's factories and units, see the order above.
    first = np.array([[units, 0], [units + factories, units + 2 * factories]])
    _write_rows(entities, mask, view.units, view.factories, game.table, first, factories)
    homes = view.factories[view.factories[:, TEAM] == 0][:, [F_X, F_Y]]
    places = (np.argwhere(view.ice > 0), np.argwhere(view.ore > 0), homes)
    boards = (view.rubble, view.ice, view.ore)
    _write_surroundings(entities, mask, *boards, owner, *places, view.step / settings.episode_limit, game.is_day)
    legal = game.legal[0, factories:, :UNIT_ACTIONS].copy()
    legal[:, STAY] = True
    subtask = np.full(legal.shape, -1)
    nearest = np.full(units, -1)
    own = view.units[view.units[:, TEAM] == 0]
    _tie(subtask, nearest, own, legal, owner, view.factories, factories)
    return EntityLook(entities, mask, legal, subtask, nearest)


@njit(cache=True, nogil=True)
def _write_rows(entities, mask, units, factories, table, first, factory_slots):
    for unit in units:
        row = entities[first[unit[TEAM], 1] + unit[SLOT] - factory_slots]
        mask[first[unit[TEAM], 1] + unit[SLOT] - factory_slots] = True
        kind = unit[U_HEAVY]
        row[_HEAVY if kind else _LIGHT] = 1
        row[_ENEMY] = unit[TEAM]
        row[_X], row[_Y] = unit[U_X], unit[U_Y]
        row[_POWER] = unit[U_POWER] / table[kind, BATTERY]
        row[_ICE] = unit[U_ICE] / table[kind, CARGO]
        row[_ORE] = unit[U_ORE] / table[kind, CARGO]
    for factory in factories:
        row = entities[first[factory[TEAM], 0] + factory[SLOT]]
        mask[first[factory[TEAM], 0] + factory[SLOT]] = True
        row[_FACTORY] = 1
        row[_ENEMY] = factory[TEAM]
        row[_X], row[_Y] = factory[F_X], factory[F_Y]
        row[_POWER] = factory[F_POWER] / FACTORY_POWER
        row[_ICE] = factory[F_ICE] / FACTORY_CARGO
        row[_ORE] = factory[F_ORE] / FACTORY_CARGO
        row[_WATER] = factory[F_WATER] / FACTORY_CARGO
        row[_METAL] = factory[F_METAL] / FACTORY_CARGO


@njit(cache=True, nogil=True)
def _write_surroundings(entities, mask, rubble, ice, ore, owner, ices, ores, homes, time, is_day):
    """Replace positions by their place between -1 and 1, and add what is around them."""
    size = len(rubble)
    for e in range(len(entities)):
        if not mask[e]:
            continue
        row = entities[e]
        x, y = int(row[_X]), int(row[_Y])
        row[_X], row[_Y] = 2 * x / (size - 1) - 1, 2 * y / (size - 1) - 1
        row[_TILE] = rubble[x, y] / 100
        row[_TILE + 1] = ice[x, y] > 0
        row[_TILE + 2] = ore[x, y] > 0
        row[_TILE + 3] = owner[x, y] >= 0
        for d in range(1, 5):
            tx, ty = x + DELTAS[d, 0], y + DELTAS[d, 1]
            inside = 0 <= tx < size and 0 <= ty < size
            row[_AROUND + d - 1] = rubble[tx, ty] / 100 if inside else 1.0
        _write_offset(row[_OFFSETS : _OFFSETS + 2], x, y, ices, size)
        _write_offset(row[_OFFSETS + 2 : _OFFSETS + 4], x, y, ores, size)
        _write_offset(row[_OFFSETS + 4 : _OFFSETS + 6], x, y, homes, size)
        row[_TIME] = time
        row[_TIME + 1] = is_day


@njit(cache=True, nogil=True)
def _write_offset(out, x, y, places, size):
    best = 2 * size
    for place in places:
        dx, dy = place[0] - x, place[1] - y
        if abs(dx) + abs(dy) < best:
            best = abs(dx) + abs(dy)
            out[0], out[1] = dx / size, dy / size


@njit(cache=True, nogil=True)
def _tie(subtask, nearest, units, legal, owner, factories, factory_slots):
    for unit in units:
        agent = unit[SLOT] - factory_slots
        x, y = unit[U_X], unit[U_Y]
        best = 2 * len(owner)
        for factory in factories:
            distance = abs(factory[F_X] - x) + abs(factory[F_Y] - y)
            if factory[TEAM] == 0 and distance < best:
                best = distance
                nearest[agent] = factory[SLOT]
        for d in range(5):
            for give in (GIVE_ICE, GIVE_ORE):
                if legal[agent, give + d]:
                    subtask[agent, give + d] = owner[x + DELTAS[d, 0], y + DELTAS[d, 1]]
        if legal[agent, TAKE_POWER]:
            subtask[agent, TAKE_POWER : TAKE_POWER + 10] = owner[x, y]
