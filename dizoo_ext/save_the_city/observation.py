"""What a city shows: entity features, masks, availability and the built-in allocation heuristic.

docs/reference/save_the_city.md#observations, docs/reference/save_the_city.md#allocation-heuristic
"""

import numpy as np
from numba import njit

from dizoo_ext.save_the_city.city import ACTIONS, BUILDER, FIRE, GRID, STAY
from dizoo_ext.save_the_city.rules import is_finished

_X = 5
_Y = _X + GRID
_PLACE = _Y + GRID
_LEGAL = _PLACE + 2
_HEALTH = _LEGAL + ACTIONS
_COMPLETE, _BURNED, _FIRE, _BURNING, _SINCE, _RATE = range(_HEALTH + 1, _HEALTH + 7)
FEATURES = _RATE + 1
"""Type one-hot 5, x one-hot 16, y one-hot 16, x and y, availability 12 (agents), seven numbers of a building."""
COORDINATES = (_PLACE, _PLACE + 1)

_INDEX_BITS = 5
_NOWHERE = 1 << 20

_SLOWEST, _QUICKEST = 1 / 80, 1 / 10


@njit
def observe_city(
    city, k, entities, entity_mask, obs_mask, entity_subtask, subtask_mask, action_mask, action_subtask, heuristic
):
    """Write one city's observation into row ``k`` of a batch's arrays, which need not be cleared before.

    Args:
        entities: (n, E, F) float32.
        entity_mask: (n, E) bool.
        obs_mask: (n, A, E) bool.
        entity_subtask: (n, E) int64.
        subtask_mask: (n, K) bool.
        action_mask: (n, A, U) float32.
        action_subtask: (n, A, U) int64.
        heuristic: (n, A) int64.
    """
    agents = heuristic.shape[1]
    entities[k] = 0.0
    action_mask[k] = 0.0
    action_subtask[k] = -1
    for e in range(entity_mask.shape[1]):
        b = e - agents
        entity_mask[k, e] = e < city.agents if b < 0 else b < city.buildings
        entity_subtask[k, e] = b if 0 <= b < city.buildings else -1
    for i in range(agents):
        for e in range(entity_mask.shape[1]):
            obs_mask[k, i, e] = entity_mask[k, e] and i < city.agents
    for i in range(city.agents, agents):
        action_mask[k, i, STAY] = 1.0
    write_heuristic(city, k, heuristic)
    for i in range(city.agents):
        row = entities[k, i]
        _write_place(row, city.agent_type[i], city.agent_x[i], city.agent_y[i])
        for action in range(ACTIONS):
            allowed = np.float32((city.legal[i] >> action) & 1)
            row[_LEGAL + action] = allowed
            action_mask[k, i, action] = allowed
        for action in range(FIRE, ACTIONS):
            if (city.legal[i] >> action) & 1:
                action_subtask[k, i, action] = city.beside[i]
    for b in range(subtask_mask.shape[1]):
        subtask_mask[k, b] = b < city.buildings and not is_finished(city, b)
    for b in range(city.buildings):
        row = entities[k, agents + b]
        _write_place(row, city.building_type[b], city.building_x[b], city.building_y[b])
        _write_building(row, city, b)


@njit
def write_heuristic(city, k, heuristic):
    """Write the allocation heuristic into row ``k`` of ``heuristic`` (n, A) int64, -1 for none.

    Each agent gets, of the active buildings in the state that suits it, the nearest one; firefighters and generalists
    prefer burning buildings, builders calm ones, and ties go to the lower index.
    """
    # One number orders buildings by preference, distance and index: a minimum finds the choice without branches.
    heuristic[k] = _NOWHERE
    for b in range(city.buildings):
        if is_finished(city, b):
            continue
        is_burning = city.fire[b] > 0.0
        for i in range(city.agents):
            is_second_choice = is_burning == (city.agent_type[i] == BUILDER)
            distance = abs(city.building_x[b] - city.agent_x[i]) + abs(city.building_y[b] - city.agent_y[i])
            rank = ((distance + 2 * GRID * is_second_choice) << _INDEX_BITS) | b
            heuristic[k, i] = min(heuristic[k, i], rank)
    for i in range(heuristic.shape[1]):
        rank = heuristic[k, i]
        heuristic[k, i] = rank & ((1 << _INDEX_BITS) - 1) if rank < _NOWHERE else -1


@njit
def _write_place(row, kind, x, y):
    row[kind] = 1.0
    row[_X + x] = 1.0
    row[_Y + y] = 1.0
    row[_PLACE] = x / GRID
    row[_PLACE + 1] = y / GRID


@njit
def _write_building(row, city, b):
    row[_HEALTH] = city.health[b]
    row[_COMPLETE] = city.health[b] == 1.0
    row[_BURNED] = city.health[b] == 0.0
    row[_FIRE] = city.fire[b]
    row[_BURNING] = city.fire[b] > 0.0
    row[_SINCE] = city.time_since_last_fire[b] / city.period[b]
    row[_RATE] = (1 / city.period[b] - _SLOWEST) / (_QUICKEST - _SLOWEST)
