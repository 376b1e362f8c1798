"""The enemies' plans: armies that attack and retreat in turns, or attack once and for all.

docs/reference/smac.md#cycle-of-the-armies
"""

import numpy as np
from numba import njit

from dizoo_ext.mersenne import draw_below
from dizoo_ext.smac_multiarmy.engine_interface import ATTACK_MOVE, KEEP, MOVE, SCAN_MOVE
from dizoo_ext.smac_multiarmy.match import CENTRE, LONGEST_PHASE, SHORTEST_PHASE, SINCE_SCALE


@njit
def clear_orders(match, orders):
    """Make an `engine.interface.ORDERS` record say nothing to anybody."""
    for slot in range(match.agents + match.enemies):
        orders.kind[slot] = KEEP
        orders.health[slot] = orders.shield[slot] = np.nan


@njit
def begin_attacks(match, rules, table, orders):
    """What the enemies do when an episode begins: armies enter their cycle, a single army attacks the allies."""
    if rules.defends_base:
        switch_phases(match, rules, table, orders)
        return
    match.attacking[0] = True
    if not np.isnan(match.goal_x):
        _attack(match, table, orders, 0, match.goal_x, match.goal_y)
        return
    x = y = 0.0
    for i in range(match.agents):
        x += match.x[i]
        y += match.y[i]
    _attack(match, table, orders, 0, x / match.agents, y / match.agents)


@njit
def switch_phases(match, rules, table, orders):
    """Let every army whose time has come attack or retreat; nothing for a single army.

    An army of which only healers are left retreats and leaves the cycle. Dead armies stay in it, so that the random
    stream does not depend on them; nobody hears their orders.

    Args:
        match: record of `match.MATCH`.
        rules: record of `match.RULES`.
        table: the engine's unit table.
        orders: record of `engine.interface.ORDERS` to be filled in.
    """
    if not rules.defends_base:
        return
    for a in range(match.armies):
        if has_only_healers(match, table, a):
            if match.attacking[a]:
                _retreat(match, orders, a)
            match.attacking[a] = False
            match.since_switch[a] = -int(SINCE_SCALE)
        elif match.to_switch[a] == 0:
            if match.attacking[a]:
                _retreat(match, orders, a)
            else:
                _attack(match, table, orders, a, CENTRE, CENTRE)
            match.attacking[a] = not match.attacking[a]
            match.to_switch[a] = SHORTEST_PHASE + draw_below(match, LONGEST_PHASE - SHORTEST_PHASE + 1)
            match.since_switch[a] = -1
        match.to_switch[a] -= 1
        match.since_switch[a] += 1


@njit
def has_only_healers(match, table, army):
    """Whether an army has living units and all of them are healers."""
    living = 0
    for u in range(match.agents, match.agents + match.enemies):
        if match.army[u] == army and match.alive[u]:
            if table[match.type[u]].heal == 0:
                return False
            living += 1
    return living > 0


@njit
def _attack(match, table, orders, army, x, y):
    for u in range(match.agents, match.agents + match.enemies):
        if match.army[u] == army:
            slot = match.slot[u]
            orders.kind[slot] = SCAN_MOVE if table[match.type[u]].heal > 0 else ATTACK_MOVE
            orders.x[slot] = x
            orders.y[slot] = y


@njit
def _retreat(match, orders, army):
    for u in range(match.agents, match.agents + match.enemies):
        if match.army[u] == army:
            slot = match.slot[u]
            orders.kind[slot] = MOVE
            orders.x[slot] = match.centre_x[army]
            orders.y[slot] = match.centre_y[army]
