"""What a step was worth and whether it was the last one.

docs/reference/smac.md#ends, docs/reference/smac.md#rewards
"""

import numpy as np
from numba import njit

from dizoo_ext.smac_multiarmy.match import (
    BASE_RADIUS,
    CENTRE,
    DRAW,
    GOING_ON,
    HEALTH_BOOST,
    LOST,
    MAX_ARMIES,
    WON,
)


@njit
def settle_step(match, rules, table, orders):
    """Turn what was seen after a step into rewards and ends, and reward the allies of a defeated army with health.

    Args:
        match: record of `match.MATCH`, after `unit_records.read_units`.
        rules: record of `match.RULES`.
        table: the engine's unit table.
        orders: record of `engine.interface.ORDERS`, to be filled in with new values of health and shield.
    """
    match.t += 1
    state = state_of_match(match, rules, table)
    for a in range(match.armies):
        match.outcome[a] = state_of_army(match, rules, table, a)
        match.infiltrated |= match.outcome[a] == LOST
    match.allies_defeated = state == LOST
    if match.infiltrated:
        state = LOST
    match.won = state == WON
    _reward(match, rules)
    _reward_armies(match, rules)
    if rules.defends_base:
        _boost_health(match, rules, table, orders)
    match.subtasks_changed = False
    for a in range(match.armies):
        is_done = match.outcome[a] != GOING_ON
        match.subtasks_changed |= is_done != (match.subtask_done[a] != 0)
        match.subtask_done[a] = is_done
    match.time_limit = state == GOING_ON and match.t >= rules.episode_limit
    match.running = state == GOING_ON and not match.time_limit


@njit
def state_of_match(match, rules, table):
    """LOST without a living ally, WON without a living enemy; in sets with healers, they alone do not count.

    Whether both sides are gone or hold nothing but healers in such a set, the match is lost; elsewhere it is a DRAW.
    """
    allies = allied_fighters = enemies = enemy_fighters = 0
    for u in range(match.agents + match.enemies):
        if match.alive[u]:
            fights = table[match.type[u]].heal == 0
            if u < match.agents:
                allies += 1
                allied_fighters += fights
            else:
                enemies += 1
                enemy_fighters += fights
    if (allies == 0 and enemies > 0) or (rules.has_healers and allied_fighters == 0):
        return LOST
    if (allies > 0 and enemies == 0) or (rules.has_healers and enemy_fighters == 0):
        return WON
    return DRAW if allies == 0 and enemies == 0 else GOING_ON


@njit
def state_of_army(match, rules, table, army):
    """LOST with a living unit other than a healer inside the base, WON without any living unit."""
    living = 0
    for u in range(match.agents, match.agents + match.enemies):
        if match.army[u] != army or not match.alive[u]:
            continue
        living += 1
        if rules.defends_base and table[match.type[u]].heal == 0:
            x = float(match.x[u]) - CENTRE
            y = float(match.y[u]) - CENTRE
            if x * x + y * y < BASE_RADIUS * BASE_RADIUS:
                return LOST
    return GOING_ON if living > 0 else WON


@njit
def _reward(match, rules):
    damage = kills = losses = 0.0
    for u in range(match.agents, match.agents + match.enemies):
        if match.was_alive[u]:
            damage += _damage(match, u)
            if not match.alive[u]:
                kills += rules.death_value
    reward = damage + kills
    if not rules.only_positive:
        for i in range(match.agents):
            if match.was_alive[i]:
                losses += rules.negative_scale * _damage(match, i)
                if not match.alive[i]:
                    kills -= rules.negative_scale * rules.death_value
        reward = damage + kills - losses
    elif not rules.defends_base:
        reward = abs(reward)
    if match.won:
        reward += rules.win
    elif match.infiltrated or match.allies_defeated:
        reward += rules.defeat
    match.reward = reward / rules.scale
    match.total_reward += match.reward


@njit
def _reward_armies(match, rules):
    """Damage, kills and the defeat of each army; a single army's reward is the global one."""
    if not rules.defends_base:
        match.subtask_reward[0] = match.reward
        return
    damage, kills = np.zeros(MAX_ARMIES), np.zeros(MAX_ARMIES)
    for u in range(match.agents, match.agents + match.enemies):
        if match.was_alive[u] and (match.alive[u] or not rules.reference_accounts):
            damage[match.army[u]] += _damage(match, u)
            if not match.alive[u]:
                kills[match.army[u]] += rules.death_value
    for a in range(rules.subtasks):
        reward = damage[a] + kills[a]
        if a < match.armies:
            if match.outcome[a] == WON and (rules.reference_accounts or not match.subtask_done[a]):
                reward += rules.win
            reward /= rules.scale
        match.subtask_reward[a] = reward


@njit
def _damage(match, u):
    before = float(match.old_health[u]) + float(match.old_shield[u])
    return before - float(match.health[u]) - float(match.shield[u]) if match.alive[u] else before


@njit
def _boost_health(match, rules, table, orders):
    """Heal the living allies who are nearest to the place of an army that has just been defeated by fewer units."""
    if match.enemies <= match.agents:
        return
    share = 1 / (match.agents * max(match.armies - 1, 1)) * (match.enemies - match.agents) * HEALTH_BOOST
    are_all_done = True
    for a in range(match.armies):
        are_all_done = are_all_done and match.outcome[a] != GOING_ON
    counted = 0
    for a in range(match.armies):
        if match.outcome[a] != WON or match.subtask_done[a]:
            continue
        if not rules.reference_accounts:
            counted = 0
        for i in range(match.agents):
            if match.alive[i] and nearest_army(match, i) == a:
                counted += 1
                _boost(match, rules, table[match.type[i]], i, share, orders)
        if not are_all_done:
            match.healed += counted / match.agents
            match.boosts += 1


@njit
def _boost(match, rules, kind, i, share, orders):
    slot = match.slot[i]
    match.health[i] = min(match.health[i] + kind.health * share, kind.health)
    orders.health[slot] = match.health[i]
    if rules.ally_shields and kind.shield > 0:
        match.shield[i] = min(match.shield[i] + kind.shield * share, kind.shield)
        orders.shield[slot] = match.shield[i]


@njit
def nearest_army(match, u):
    """The army whose place is nearest to a unit, dead armies included; the first of equals."""
    nearest = 0
    least = np.inf
    for a in range(match.armies):
        x = float(match.x[u]) - match.centre_x[a]
        y = float(match.y[u]) - match.centre_y[a]
        if x * x + y * y < least:
            least = x * x + y * y
            nearest = a
    return nearest
