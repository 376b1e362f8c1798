"""How a match begins, before anybody has seen a unit: all draws, in the original's order.

docs/reference/smac.md#beginning-of-an-episode
"""

import math

import numpy as np
from numba import njit

from dizoo_ext.mersenne import draw_below, draw_uniform
from dizoo_ext.smac_multiarmy.embedded.stream import absorb
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ENEMY
from dizoo_ext.smac_multiarmy.match import CENTRE, FIRST_PHASE, GOING_ON, MAX_ARMIES, WON

_ANY = -1


@njit
def begin_match(match, rules, roster, scenarios, choices, index, armies):
    """Draw a new episode into a match and the roster to be spawned.

    Args:
        match: record of `match.MATCH`; its stream is used and kept.
        rules: record of `match.RULES`.
        roster: record of `engine.interface.ROSTER`.
        scenarios: (S,) records of `scenarios.SCENARIO`.
        choices: (C,) rows of ``scenarios`` to draw from.
        index: row to play instead, -1 to draw.
        armies: number of armies, -1 to draw.
    """
    if index == _ANY:
        index = choices[draw_below(match, len(choices))]
        while armies != _ANY and not can_split(rules, scenarios[index], armies):
            index = choices[draw_below(match, len(choices))]
    scenario = scenarios[index]
    match.scenario = index
    place_units(match, rules, roster, scenario, armies)
    match.agents = scenario.agents
    match.enemies = scenario.enemies
    _deal_tags(match, rules)
    _shuffle(match, match.rank, match.agents)
    _draw_timers(match, rules)
    key = absorb(absorb(np.uint64(0), match.seed), match.episode)
    roster.seed = np.uint32(key & np.uint64(0xFFFFFFFF))
    match.episode += 1
    match.t = 0
    match.running = True
    match.last_action[:] = -1
    match.total_reward = 0.0
    match.won = match.infiltrated = match.allies_defeated = match.game_lost = False
    match.healed = 0.0
    match.boosts = 0
    match.illegal_actions = 0


@njit
def can_split(rules, scenario, armies):
    """Whether the enemies of a scenario may form so many armies."""
    if scenario.armies > 0:
        return scenario.armies == armies
    return fewest_armies(rules, scenario.enemies) <= armies <= min(scenario.enemies, rules.subtasks)


@njit
def fewest_armies(rules, enemies):
    """The smallest number of armies that so many enemies are split into."""
    return max(min(2, rules.subtasks), (enemies + rules.army_size - 1) // rules.army_size)


@njit
def place_units(match, rules, roster, scenario, armies):
    """Draw where the units of a scenario stand; ``armies`` -1 draws the number of armies."""
    roster.units = 0
    match.spread = 1.0
    match.narrowest_gap = 360.0
    match.goal_x = match.goal_y = np.nan
    if rules.defends_base:
        _place_team(match, rules, roster, scenario.ally_types, scenario.ally_type, scenario.ally_count, ALLY, 0.0, 0.0)
        _place_armies(match, rules, roster, scenario, armies)
        return
    if scenario.has_places:
        _place_as_the_map(match, roster, scenario)
        return
    angle = draw_uniform(match) * 2 * math.pi if rules.rotates else math.pi
    x = rules.separation / 2 * math.cos(angle)
    y = rules.separation / 2 * math.sin(angle)
    _place_team(match, rules, roster, scenario.ally_types, scenario.ally_type, scenario.ally_count, ALLY, x, y)
    _place_team(match, rules, roster, scenario.enemy_types, scenario.enemy_type, scenario.enemy_count, ENEMY, -x, -y)
    match.armies = 1
    match.centre_x[0] = CENTRE - x
    match.centre_y[0] = CENTRE - y


@njit
def _place_as_the_map(match, roster, scenario):
    for g in range(scenario.ally_types):
        for _ in range(scenario.ally_count[g]):
            _enlist(match, roster, scenario.ally_type[g], ALLY, scenario.ally_x[g], scenario.ally_y[g], -1)
    for g in range(scenario.enemy_types):
        for _ in range(scenario.enemy_count[g]):
            _enlist(match, roster, scenario.enemy_type[g], ENEMY, scenario.enemy_x[g], scenario.enemy_y[g], 0)
    match.armies = 1
    match.centre_x[0], match.centre_y[0] = scenario.enemy_x[0], scenario.enemy_y[0]
    share = draw_uniform(match)
    match.goal_x = scenario.goal_x[0] + share * (scenario.goal_x[1] - scenario.goal_x[0])
    match.goal_y = scenario.goal_y[0] + share * (scenario.goal_y[1] - scenario.goal_y[0])


@njit
def _place_team(match, rules, roster, types, kinds, counts, owner, x, y):
    for g in range(types):
        off_x = x + (draw_uniform(match) - 0.5) * 2 * rules.jitter
        off_y = y + (draw_uniform(match) - 0.5) * 2 * rules.jitter
        for _ in range(counts[g]):
            _enlist(match, roster, kinds[g], owner, CENTRE + off_x, CENTRE + off_y, -1 if owner == ALLY else 0)


@njit
def _place_armies(match, rules, roster, scenario, armies):
    angle = draw_uniform(match) * 2 * math.pi
    sizes = np.empty(MAX_ARMIES, np.int64)
    kinds = np.empty(scenario.enemies, np.int64)
    if scenario.armies > 0:
        armies = scenario.armies
        sizes[:] = scenario.army_size
        kinds[:] = scenario.army_type[: scenario.enemies]
    else:
        armies = _draw_armies(match, rules, scenario, armies, sizes, kinds)
    match.armies = armies
    angles = np.empty(armies)
    first = 0
    for a in range(armies):
        if not rules.spreads_armies and (a == 0 or rules.spreads_each_army):
            match.spread = draw_uniform(match)
        angles[a] = angle + a / armies * 2 * math.pi * match.spread
        match.centre_x[a] = CENTRE + rules.separation * math.cos(angles[a])
        match.centre_y[a] = CENTRE + rules.separation * math.sin(angles[a])
        _place_army(match, roster, kinds[first : first + sizes[a]], a)
        first += sizes[a]
    for a in range(armies):
        for b in range(a):
            between = abs(angles[a] - angles[b]) % (2 * math.pi)
            match.narrowest_gap = min(match.narrowest_gap, math.degrees(min(between, 2 * math.pi - between)))


@njit
def _draw_armies(match, rules, scenario, armies, sizes, kinds):
    """Draw the number of armies (if ``armies`` is -1), their sizes and who is in them; returns the number."""
    enemies = scenario.enemies
    if armies == _ANY:
        fewest = fewest_armies(rules, enemies)
        armies = fewest + draw_below(match, min(enemies, rules.subtasks) - fewest + 1)
    left = enemies
    for a in range(armies):
        low = max(1, left - (armies - a - 1) * rules.army_size)
        high = min(left - (armies - a - 1), rules.army_size)
        sizes[a] = low + draw_below(match, high - low + 1)
        left -= sizes[a]
    k = 0
    for g in range(scenario.enemy_types):
        for _ in range(scenario.enemy_count[g]):
            kinds[k] = scenario.enemy_type[g]
            k += 1
    for i in range(enemies - 1, 0, -1):
        j = draw_below(match, i + 1)
        kinds[i], kinds[j] = kinds[j], kinds[i]
    return armies


@njit
def _place_army(match, roster, kinds, army):
    """Enlist an army type by type, in the order in which the types turn up in ``kinds``."""
    for i in range(len(kinds)):
        is_first = True
        for j in range(i):
            is_first = is_first and kinds[j] != kinds[i]
        if is_first:
            for j in range(i, len(kinds)):
                if kinds[j] == kinds[i]:
                    _enlist(match, roster, kinds[i], ENEMY, match.centre_x[army], match.centre_y[army], army)


@njit
def _enlist(match, roster, kind, owner, x, y, army):
    slot = roster.units
    roster.type[slot] = kind
    roster.owner[slot] = owner
    roster.x[slot] = x
    roster.y[slot] = y
    match.army_of_slot[slot] = army
    roster.units = slot + 1


@njit
def _deal_tags(match, rules):
    """Give every unit a tag: enemies out of the first ones, agents out of the rest; agents are the first units."""
    match.unit_of_tag[:] = -1
    if not rules.random_tags:
        for e in range(match.enemies):
            match.tag[match.agents + e] = e
        for i in range(match.agents):
            match.tag[i] = rules.num_enemies + i
    else:
        tags = np.empty(max(rules.num_agents, rules.num_enemies), np.int16)
        _shuffle(match, tags, rules.num_enemies)
        # One by one: for an array copied into a slice, numba compiles the text of a message for seconds.
        for e in range(match.enemies):
            match.tag[match.agents + e] = tags[e]
        _shuffle(match, tags, rules.num_agents)
        for i in range(match.agents):
            match.tag[i] = rules.num_enemies + tags[i]
    for u in range(match.agents + match.enemies):
        match.unit_of_tag[match.tag[u]] = u


@njit
def _shuffle(match, numbers, count):
    """Write a random order of 0..count - 1 into the beginning of ``numbers``."""
    for i in range(count):
        numbers[i] = i
    for i in range(count - 1, 0, -1):
        j = draw_below(match, i + 1)
        numbers[i], numbers[j] = numbers[j], numbers[i]


@njit
def _draw_timers(match, rules):
    """Draw when the armies attack for the first time; one of them does so at once."""
    for a in range(rules.subtasks):
        match.attacking[a] = False
        match.since_switch[a] = match.to_switch[a] = 0
        match.outcome[a] = GOING_ON if a < match.armies else WON
        match.subtask_done[a] = a >= match.armies
    if not rules.defends_base:
        return
    soonest = FIRST_PHASE
    for a in range(match.armies):
        match.to_switch[a] = draw_below(match, FIRST_PHASE)
        soonest = min(soonest, match.to_switch[a])
    for a in range(match.armies):
        match.to_switch[a] -= soonest
