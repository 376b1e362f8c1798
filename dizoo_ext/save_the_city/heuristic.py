"""Hand-made play: a scripted low-level policy and the allocations it can follow.

docs/reference/save_the_city.md#hand-made-play
"""

import numpy as np
from numba import njit

from dizoo_ext.save_the_city.city import (
    BORDER,
    BUILD,
    BUILDER,
    BURN_SPEED,
    FIRE,
    FIREFIGHTER,
    FREEZE,
    GENERALIST,
    GRID,
    MOVE_X,
    MOVE_Y,
    STAY,
    WALKS,
)
from dizoo_ext.save_the_city.observation import write_heuristic
from dizoo_ext.save_the_city.rules import is_finished

_UNCOVERED = 60.0


@njit(cache=True, nogil=True)
def heuristic_rows(cities, rows, allocation):
    """Write each agent's nearest useful building, (n, A) int64, -1 for none: the environment's own heuristic."""
    for k in range(len(rows)):
        write_heuristic(cities[rows[k]], k, allocation)


@njit(cache=True, nogil=True)
def coverage_rows(cities, rows, rules, allocation):
    """Write an allocation that spreads the team, (n, A) int64, -1 for none; stronger than the heuristic."""
    for k in range(len(rows)):
        allocation[k] = -1
        _cover(cities[rows[k]], rules[0].fire_burn_rate, allocation[k])


@njit(cache=True, nogil=True)
def scripted_rows(cities, rows, allocation, actions):
    """Write the scripted joint actions (n, A) int64 of teams that serve the allocated buildings (n, A), -1 for none."""
    seen = np.empty(GRID * GRID, np.bool_)
    queue = np.empty((GRID * GRID, 2), np.int64)
    claimed = np.empty(GRID * GRID, np.bool_)
    for k in range(len(rows)):
        city = cities[rows[k]]
        claimed[:] = False
        for i in range(actions.shape[1]):
            actions[k, i] = STAY
            b = allocation[k, i]
            if i >= city.agents or b < 0 or is_finished(city, b):
                continue
            if city.beside[i] == b:
                actions[k, i] = _work(city, i, b)
                continue
            action = _first_move(city, i, b, claimed, seen, queue)
            actions[k, i] = action
            if action != STAY:
                claimed[(city.agent_x[i] + MOVE_X[action]) * GRID + city.agent_y[i] + MOVE_Y[action]] = True


@njit
def _work(city, i, b):
    if city.fire[b] == 0.0:
        return BUILD
    if city.agent_type[i] != GENERALIST:
        return FIRE
    first_generalist = -1
    builders = 0
    firefighters = 0
    for j in range(city.agents):
        if city.beside[j] == b:
            builders += city.agent_type[j] == BUILDER
            firefighters += city.agent_type[j] == FIREFIGHTER
            if city.agent_type[j] == GENERALIST and first_generalist < 0:
                first_generalist = j
    return FIRE if i == first_generalist and builders and not firefighters else FREEZE


@njit
def _first_move(city, i, b, claimed, seen, queue):
    """First action of the shortest path to a free cell beside building ``b``, by breadth-first search."""
    moves = 2 * WALKS if city.agent_type[i] == GENERALIST else WALKS
    seen[:] = False
    queue[0] = city.agent_x[i] * GRID + city.agent_y[i], STAY
    seen[queue[0, 0]] = True
    head, tail = 0, 1
    while head < tail:
        cell, first = queue[head]
        head += 1
        for move in range(1, moves + 1):
            x = cell // GRID + MOVE_X[move]
            y = cell % GRID + MOVE_Y[move]
            if (city.blocked[y + BORDER] >> (x + BORDER)) & 1:
                continue
            target = x * GRID + y
            if seen[target] or claimed[target]:
                continue
            action = move if first == STAY else first
            if abs(x - city.building_x[b]) + abs(y - city.building_y[b]) == 1:
                return action
            seen[target] = True
            queue[tail] = target, action
            tail += 1
    return STAY


@njit
def _distance(city, i, b):
    return abs(city.building_x[b] - city.agent_x[i]) + abs(city.building_y[b] - city.agent_y[i])


@njit
def _is_active(city, b, burning):
    return not is_finished(city, b) and (city.fire[b] > 0.0) == burning


@njit
def _count_active(city, burning):
    count = 0
    for b in range(city.buildings):
        count += _is_active(city, b, burning)
    return count


@njit
def _count_team(city, kind):
    count = 0
    for i in range(city.agents):
        count += city.agent_type[i] == kind
    return count


@njit
def _count_allocated(city, kind, allocation, b):
    count = 0
    for i in range(city.agents):
        count += city.agent_type[i] == kind and allocation[i] == b
    return count


@njit
def _cover(city, burn_rate, allocation):
    fires = _count_active(city, True)
    calm = _count_active(city, False)
    if fires + calm == 0:
        return
    life = np.empty(city.buildings)
    for b in range(city.buildings):
        life[b] = city.health[b] / (BURN_SPEED[city.building_type[b]] * burn_rate) if burn_rate > 0.0 else np.inf
    cover = np.full(city.buildings, _UNCOVERED)
    firefighters = _count_team(city, FIREFIGHTER)
    builders = _count_team(city, BUILDER)
    _send_firefighters(city, life, cover, allocation)
    if fires and builders and not firefighters and _count_team(city, GENERALIST):
        _send_builders_with_a_generalist(city, life, cover, allocation)
    _spread_builders(city, calm > 0, allocation)
    _spread_generalists(city, life, cover, allocation)
    _station_firefighters(city, calm > 0, allocation)
    if firefighters and not builders:
        _follow_the_first_firefighter(city, allocation)


@njit
def _send_firefighters(city, life, cover, allocation):
    while True:
        best, chosen, target = np.inf, -1, -1
        for i in range(city.agents):
            if city.agent_type[i] != FIREFIGHTER or allocation[i] >= 0:
                continue
            for b in range(city.buildings):
                if not _is_active(city, b, True) or cover[b] != _UNCOVERED:
                    continue
                distance = _distance(city, i, b)
                cost = distance + 0.35 * life[b] + 40.0 * (distance > life[b] + 1)
                if cost < best:
                    best, chosen, target = cost, i, b
        if chosen < 0:
            return
        allocation[chosen] = target
        cover[target] = _distance(city, chosen, target)


@njit
def _send_builders_with_a_generalist(city, life, cover, allocation):
    best, target = np.inf, -1
    for b in range(city.buildings):
        if not _is_active(city, b, True):
            continue
        nearest = 2 * GRID
        for i in range(city.agents):
            if city.agent_type[i] == BUILDER:
                nearest = min(nearest, _distance(city, i, b))
        if nearest + 0.35 * life[b] < best:
            best, target = nearest + 0.35 * life[b], b
    cover[target] = 0.0
    is_generalist_sent = False
    for i in range(city.agents):
        if city.agent_type[i] == BUILDER:
            allocation[i] = target
        elif city.agent_type[i] == GENERALIST and not is_generalist_sent:
            allocation[i] = target
            is_generalist_sent = True


@njit
def _spread_builders(city, has_calm, allocation):
    for i in range(city.agents):
        if city.agent_type[i] != BUILDER or allocation[i] >= 0:
            continue
        best, target = np.inf, -1
        for b in range(city.buildings):
            if not _is_active(city, b, not has_calm):
                continue
            cost = _distance(city, i, b) + 3.0 * _count_allocated(city, BUILDER, allocation, b)
            if has_calm:
                cost -= 0.1 * (30 - min(30, city.time_to_next_fire[b]))
            if cost < best:
                best, target = cost, b
        allocation[i] = target


@njit
def _spread_generalists(city, life, cover, allocation):
    for i in range(city.agents):
        if city.agent_type[i] != GENERALIST or allocation[i] >= 0:
            continue
        best, target = np.inf, -1
        for b in range(city.buildings):
            distance = _distance(city, i, b)
            if not _is_active(city, b, True) or cover[b] <= distance / 2:
                continue
            if _count_allocated(city, GENERALIST, allocation, b):
                continue
            cost = -cover[b] + 0.5 * distance + 0.3 * life[b]
            if cost < best:
                best, target = cost, b
        if target < 0:
            for b in range(city.buildings):
                if is_finished(city, b):
                    continue
                cost = _distance(city, i, b) / 2 + 0.3 * city.time_to_next_fire[b] + 0.2 * life[b]
                if cost < best:
                    best, target = cost, b
        allocation[i] = target


@njit
def _station_firefighters(city, has_calm, allocation):
    for i in range(city.agents):
        if city.agent_type[i] != FIREFIGHTER or allocation[i] >= 0:
            continue
        best, target = np.inf, -1
        for b in range(city.buildings):
            if not _is_active(city, b, not has_calm):
                continue
            cost = _distance(city, i, b) + 0.5 * city.time_to_next_fire[b]
            if cost < best:
                best, target = cost, b
        allocation[i] = target


@njit
def _follow_the_first_firefighter(city, allocation):
    leader = 0
    while city.agent_type[leader] != FIREFIGHTER:
        leader += 1
    for i in range(city.agents):
        if city.agent_type[i] == GENERALIST:
            allocation[i] = allocation[leader]
