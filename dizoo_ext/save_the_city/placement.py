"""How an episode begins: the compiled reset of one city, drawing in the reference's order.

docs/reference/save_the_city.md#beginning-of-an-episode
"""

import numpy as np
from numba import njit

from dizoo_ext.mersenne import draw_below, draw_uniform
from dizoo_ext.save_the_city.city import FAST, FIREFIGHTER, GRID, PERIOD_HIGH, PERIOD_LOW, SLOW
from dizoo_ext.save_the_city.scenarios import DRAWN

_SMALLEST, _LARGEST = 2, 8


@njit
def found_city(city, rules, table, spacing, index, n_tasks):
    """Draw a new episode into ``city``.

    Args:
        city: record of `city.CITY`; its stream is used and kept.
        rules: record of `city.RULES`.
        table: (S,) records of `scenarios.SCENARIO`; empty draws everything.
        index: row of the table, -1 to draw one.
        n_tasks: number of buildings the drawn scenario must have, -1 for any.
    """
    if len(table):
        _choose_scenario(city, table, index, n_tasks)
    else:
        _draw_scenario(city)
    _place_agents(city, spacing)
    _place_buildings(city, rules, spacing)
    city.t = 0
    city.running = True
    city.last_action[:] = -1
    city.total_reward = 0.0
    city.health_delta = 0.0
    city.extinguished = 0
    city.completed = 0
    city.burned = 0
    city.firefights = 0
    city.firefight_types = 0
    city.builds = 0
    city.build_types = 0
    city.action_uses[:] = 0
    city.forced_count = 0
    city.forced_next = 0


@njit
def _choose_scenario(city, table, index, n_tasks):
    if index < 0:
        index = draw_below(city, len(table))
        while n_tasks >= 0 and table[index].buildings != n_tasks:
            index = draw_below(city, len(table))
    scenario = table[index]
    city.agents = scenario.agents
    city.buildings = scenario.buildings
    # One by one: for an array copied into a slice, numba compiles the text of a message for seconds.
    for i in range(len(city.agent_type)):
        city.agent_type[i] = scenario.agent_type[i]
    for b in range(city.buildings):
        if scenario.building_type[b] == DRAWN:
            city.building_type[b] = FAST if draw_uniform(city) < 0.5 else SLOW
        else:
            city.building_type[b] = scenario.building_type[b]


@njit
def _draw_scenario(city):
    city.agents = _SMALLEST + draw_below(city, _LARGEST - _SMALLEST + 1)
    city.buildings = _SMALLEST + draw_below(city, _LARGEST - _SMALLEST + 1)
    for i in range(city.agents):
        city.agent_type[i] = FIREFIGHTER + draw_below(city, 3)
    for b in range(city.buildings):
        city.building_type[b] = draw_below(city, 2)


@njit
def _place_agents(city, spacing):
    cells = np.empty(GRID * GRID, np.int64)
    free = 0
    reach = 0
    while free < city.agents:
        reach += 1
        free = 0
        for x in range(GRID // 2 - reach, GRID // 2 + reach):
            for y in range(GRID // 2 - reach, GRID // 2 + reach):
                if (x - 1) % spacing or (y - 1) % spacing:
                    cells[free] = x * GRID + y
                    free += 1
    for i in range(city.agents):
        cell = _take(cells, draw_below(city, free - i), free - i)
        city.agent_x[i] = cell // GRID
        city.agent_y[i] = cell % GRID


@njit
def _place_buildings(city, rules, spacing):
    cells = np.empty(GRID * GRID, np.int64)
    free = 0
    low, high = GRID // 2 - rules.building_reach, GRID // 2 + rules.building_reach
    for x in range(1, GRID, spacing):
        for y in range(1, GRID, spacing):
            if low <= x < high and low <= y < high:
                cells[free] = x * GRID + y
                free += 1
    for b in range(city.buildings):
        kind = city.building_type[b]
        cell = _take(cells, draw_below(city, free - b), free - b)
        city.building_x[b] = cell // GRID
        city.building_y[b] = cell % GRID
        weakest, strongest = (0.25, 0.40) if draw_uniform(city) < 0.5 else (0.60, 0.75)
        share = draw_uniform(city)
        city.health[b] = weakest * share + strongest * (1 - share)
        city.period[b] = PERIOD_LOW[kind] + draw_below(city, PERIOD_HIGH[kind] - PERIOD_LOW[kind] + 1)
        city.time_to_next_fire[b] = city.period[b]
        city.time_since_last_fire[b] = 0
    for b in range(city.buildings):
        city.fire[b] = 1.0 if draw_uniform(city) < rules.init_fire_chance else 0.0


@njit
def _take(cells, chosen, count):
    cell = cells[chosen]
    for k in range(chosen, count - 1):
        cells[k] = cells[k + 1]
    return cell
