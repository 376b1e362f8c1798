"""What every unit wants to do in a loop, from the state at its beginning.

docs/reference/smac.md#orders-and-behaviour
"""

from numba import njit

from dizoo_ext.smac_multiarmy.embedded.geometry import distance_to, gap
from dizoo_ext.smac_multiarmy.embedded.orders import become_idle, guard_here, set_out
from dizoo_ext.smac_multiarmy.embedded.search import choose_foe, choose_patient
from dizoo_ext.smac_multiarmy.embedded.state import NOBODY
from dizoo_ext.smac_multiarmy.engine_interface import ATTACK, HEAL, MOVE, STOP

_CLOSER = 0.01
"""How far inside its range a unit stops, so that rounding does not leave it a hair outside."""
_PROGRESS = 0.01
_PATIENCE = 12
_THRONG = 3.0
"""A walk to a point ends when, less than _THRONG from it, the unit has come no nearer than by _PROGRESS for _PATIENCE
loops."""
_NEAR_HOME = 0.5
"""Idle units that are pushed about come back when they are farther than this from where they belong."""


@njit
def make_plans(battle, table):
    """Set ``aim``, ``walks``, ``step_x`` and ``step_y`` of all living units."""
    for k in range(battle.living):
        unit = battle.roll[k]
        battle.aim[unit] = NOBODY
        battle.walks[unit] = False
        battle.healed[unit] = False
    for k in range(battle.living):
        plan_unit(battle, table, battle.roll[k])


@njit
def plan_unit(battle, table, unit):
    """Plan one unit's loop according to its order."""
    kind = table[battle.type[unit]]
    order = battle.order[unit]
    target = battle.target[unit]
    if order == MOVE:
        walk_to_goal(battle, table, unit)
    elif order == ATTACK:
        if battle.alive[target]:
            engage(battle, table, unit, target)
        else:
            become_idle(battle, unit)
    elif order == HEAL:
        if battle.alive[target] and battle.health[target] < table[battle.type[target]].health:
            tend(battle, table, unit, target)
        else:
            become_idle(battle, unit)
    elif order != STOP or battle.autonomous[unit]:
        if kind.heal > 0:
            choose_patient(battle, table, unit)
            if battle.target[unit] != NOBODY:
                tend(battle, table, unit, battle.target[unit])
                return
        elif kind.damage > 0:
            choose_foe(battle, table, unit)
            if battle.target[unit] != NOBODY:
                engage(battle, table, unit, battle.target[unit])
                return
        if order != STOP:
            walk_to_goal(battle, table, unit)
        elif distance_to(battle, unit, battle.guard_x[unit], battle.guard_y[unit]) > _NEAR_HOME:
            walk_home(battle, table, unit)


@njit
def engage(battle, table, unit, target):
    """Aim at a target in range, approach any other; a walk that this interrupts begins anew."""
    set_out(battle, unit)
    beyond = gap(battle, unit, target) - table[battle.type[unit]].range
    if beyond <= 0:
        battle.aim[unit] = target
    else:
        walk(battle, table, unit, battle.x[target], battle.y[target], beyond + _CLOSER)


@njit
def tend(battle, table, unit, target):
    """Heal a patient in range that nobody else heals yet, approach one out of range; see also `engage`."""
    set_out(battle, unit)
    beyond = gap(battle, unit, target) - table[battle.type[unit]].range
    if beyond > 0:
        walk(battle, table, unit, battle.x[target], battle.y[target], beyond + _CLOSER)
    elif not battle.healed[target] and battle.energy[unit] > 0:
        battle.aim[unit] = target
        battle.healed[target] = True


@njit
def walk_to_goal(battle, table, unit):
    """Go to the order's point; a unit that reaches it in this loop, or cannot come nearer, is idle afterwards."""
    x = battle.goal_x[unit]
    y = battle.goal_y[unit]
    if gains_no_ground(battle, unit, x, y):
        become_idle(battle, unit)
        return
    walk(battle, table, unit, x, y, battle.map_size)
    if distance_to(battle, unit, x, y) <= table[battle.type[unit]].speed:
        become_idle(battle, unit)
        battle.guard_x[unit] = x
        battle.guard_y[unit] = y


@njit
def walk_home(battle, table, unit):
    """Go back to the place where the unit was idle, or make do with one nearby if that is taken."""
    if gains_no_ground(battle, unit, battle.guard_x[unit], battle.guard_y[unit]):
        guard_here(battle, unit)
    else:
        walk(battle, table, unit, battle.guard_x[unit], battle.guard_y[unit], battle.map_size)


@njit
def gains_no_ground(battle, unit, x, y):
    """Whether a unit near a point has not come nearer to it for a while: others are there already."""
    distance = distance_to(battle, unit, x, y)
    if distance < battle.nearest[unit] - _PROGRESS:
        battle.nearest[unit] = distance
        battle.stalled[unit] = 0
    else:
        battle.stalled[unit] += 1
    return battle.stalled[unit] >= _PATIENCE and distance < _THRONG


@njit
def walk(battle, table, unit, x, y, way):
    """Plan a step towards a point, no longer than the unit's speed and ``way`` and not beyond the point."""
    battle.walks[unit] = True
    distance = distance_to(battle, unit, x, y)
    length = min(table[battle.type[unit]].speed, way)
    share = length / distance if length < distance else 1.0
    battle.step_x[unit] = (x - battle.x[unit]) * share
    battle.step_y[unit] = (y - battle.y[unit]) * share
