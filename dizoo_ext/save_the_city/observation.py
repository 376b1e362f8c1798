"""What a city shows: entity features, masks, availability and the built-in allocation heuristic (spec 9, 10)."""

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

_SLOWEST, _QUICKEST = 1 / 80, 1 / 10


@njit
def observe_city(
    city, entities, entity_mask, obs_mask, entity_subtask, subtask_mask, action_mask, action_subtask, heuristic
):
    """Write one city's observation; the arrays are those of `dizoo_ext.contract` and need not be cleared before.

    Args:
        entities: (E, F) float32.
        entity_mask: (E,) bool.
        obs_mask: (A, E) bool.
        entity_subtask: (E,) int64.
        subtask_mask: (K,) bool.
        action_mask: (A, U) float32.
        action_subtask: (A, U) int64.
        heuristic: (A,) int64.
    """
    agents = len(heuristic)
    entities[:] = 0.0
    entity_mask[:] = False
    obs_mask[:] = False
    entity_subtask[:] = -1
    action_mask[:] = 0.0
    action_subtask[:] = -1
    for i in range(agents):
        if i >= city.agents:
            action_mask[i, STAY] = 1.0
            heuristic[i] = -1
            continue
        row = entities[i]
        _write_place(row, city.agent_type[i], city.agent_x[i], city.agent_y[i])
        for action in range(ACTIONS):
            if (city.legal[i] >> action) & 1:
                row[_LEGAL + action] = 1.0
                action_mask[i, action] = 1.0
                if action >= FIRE:
                    action_subtask[i, action] = city.beside[i]
        entity_mask[i] = True
        obs_mask[i, : city.agents] = True
        obs_mask[i, agents : agents + city.buildings] = True
        heuristic[i] = nearest_useful_building(city, i)
    for b in range(len(subtask_mask)):
        subtask_mask[b] = b < city.buildings and not is_finished(city, b)
        entity_subtask[agents + b] = b
        if b < city.buildings:
            row = entities[agents + b]
            _write_place(row, city.building_type[b], city.building_x[b], city.building_y[b])
            _write_building(row, city, b)
            entity_mask[agents + b] = True
        else:
            entity_subtask[agents + b] = -1


@njit
def nearest_useful_building(city, i):
    """The allocation heuristic: of the active buildings the nearest in the state that suits the agent, -1 for none.

    Firefighters and generalists prefer burning buildings, builders calm ones; ties go to the lower index.
    """
    best = -1
    best_rank = 0
    for b in range(city.buildings):
        if is_finished(city, b):
            continue
        is_burning = city.fire[b] > 0.0
        is_second_choice = is_burning == (city.agent_type[i] == BUILDER)
        distance = abs(city.building_x[b] - city.agent_x[i]) + abs(city.building_y[b] - city.agent_y[i])
        rank = distance + 2 * GRID * is_second_choice
        if best < 0 or rank < best_rank:
            best = b
            best_rank = rank
    return best


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
