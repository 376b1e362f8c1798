"""What agents may do, and what it means to the engine (docs/reference/smac.md#actions)."""

from numba import njit

from dizoo_ext.smac_multiarmy.engine_interface import ATTACK, HEAL, MOVE
from dizoo_ext.smac_multiarmy.engine_interface import STOP as STOP_ORDER
from dizoo_ext.smac_multiarmy.match import (
    EAST,
    FIRST_TARGET,
    MAP_SIZE,
    MOVE_AMOUNT,
    NO_OP,
    NORTH,
    SOUTH,
    STOP,
    TARGET_RANGE,
    WEST,
)

_CELL = MOVE_AMOUNT / 2


@njit
def is_allowed(match, table, i, action):
    """Whether agent ``i`` may choose an existing action now.

    The dead may do nothing only, the living anything but nothing: stop, move unless the cell one ahead is off the map
    (coordinates between -1 and 0 count as on it), attack a living enemy or heal a living ally on the ground in range.
    """
    if not match.alive[i]:
        return action == NO_OP
    if action == NO_OP:
        return False
    if action == STOP:
        return True
    if action >= FIRST_TARGET:
        return can_target(match, table, i, match.unit_of_tag[action - FIRST_TARGET])
    if action == NORTH:
        return match.y[i] + _CELL < MAP_SIZE
    if action == SOUTH:
        return match.y[i] - _CELL > -1.0
    if action == EAST:
        return match.x[i] + _CELL < MAP_SIZE
    return match.x[i] - _CELL > -1.0


@njit
def can_target(match, table, i, u):
    """Whether the living agent ``i`` may attack or heal unit ``u`` (-1 for nobody)."""
    if u < 0 or not match.alive[u] or u == i:
        return False
    if table[match.type[i]].heal > 0:
        if u >= match.agents or table[match.type[u]].flying:
            return False
    elif u < match.agents:
        return False
    return squared_distance(match, i, u) <= TARGET_RANGE * TARGET_RANGE


@njit
def squared_distance(match, one, other):
    """Of the centres of two units."""
    x = float(match.x[one]) - float(match.x[other])
    y = float(match.y[one]) - float(match.y[other])
    return x * x + y * y


@njit
def check_actions(match, rules, table, joint):
    """Whether the joint action (A,) can be played; rows of absent agents are ignored.

    Where the rules say so, actions that exist but are not allowed count as allowed.
    """
    for i in range(match.agents):
        if not 0 <= joint[i] < rules.actions:
            return False
        if not rules.illegal_is_noop and not is_allowed(match, table, i, joint[i]):
            return False
    return True


@njit
def order_agents(match, table, joint, orders):
    """Write the checked joint action (A,) into an `engine.interface.ORDERS` record; illegal ones become stop."""
    for i in range(match.agents):
        action = joint[i]
        if not is_allowed(match, table, i, action):
            match.illegal_actions += 1
            action = STOP if match.alive[i] else NO_OP
        match.last_action[i] = action
        slot = match.slot[i]
        if action == NO_OP:
            continue
        if action == STOP:
            orders.kind[slot] = STOP_ORDER
        elif action >= FIRST_TARGET:
            orders.kind[slot] = HEAL if table[match.type[i]].heal > 0 else ATTACK
            orders.target[slot] = match.slot[match.unit_of_tag[action - FIRST_TARGET]]
        else:
            orders.kind[slot] = MOVE
            orders.x[slot] = float(match.x[i]) + MOVE_AMOUNT * ((action == EAST) - (action == WEST))
            orders.y[slot] = float(match.y[i]) + MOVE_AMOUNT * ((action == NORTH) - (action == SOUTH))
