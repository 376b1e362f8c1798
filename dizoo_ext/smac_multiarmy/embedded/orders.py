"""How units take orders, and how they lay them down (docs/reference/smac.md#orders-and-behaviour)."""

import math

from numba import njit

from dizoo_ext.smac_multiarmy.embedded.geometry import inside
from dizoo_ext.smac_multiarmy.embedded.state import NOBODY
from dizoo_ext.smac_multiarmy.embedded.units import BIOLOGICAL
from dizoo_ext.smac_multiarmy.engine_interface import ATTACK, ATTACK_MOVE, HEAL, KEEP, MOVE, SCAN_MOVE, STOP


@njit
def can_hit(battle, table, unit, other):
    """Whether the unit has a weapon that reaches the other one's layer."""
    kind = table[battle.type[unit]]
    return kind.damage > 0 and (kind.hits_air or not battle.flying[other])


@njit
def can_heal(battle, table, unit, other):
    """Whether the unit is a healer and the other one a living patient for it, healthy or not."""
    return (
        table[battle.type[unit]].heal > 0
        and unit != other
        and battle.alive[other]
        and battle.owner[unit] == battle.owner[other]
        and (table[battle.type[other]].attributes & BIOLOGICAL) != 0
    )


@njit
def give_order(battle, table, unit, kind, x, y, target):
    """Replace a living unit's order, or do nothing if it cannot carry out the new one; ``target`` is a number."""
    if kind == ATTACK:
        if target == NOBODY or not battle.alive[target] or battle.owner[unit] == battle.owner[target]:
            return
        if not can_hit(battle, table, unit, target):
            return
    elif kind == HEAL:
        if target == NOBODY or not can_heal(battle, table, unit, target):
            return
    elif kind in (MOVE, ATTACK_MOVE, SCAN_MOVE):
        battle.goal_x[unit] = inside(battle, unit, x)
        battle.goal_y[unit] = inside(battle, unit, y)
        target = NOBODY
    elif kind == STOP:
        target = NOBODY
        guard_here(battle, unit)
    elif kind == KEEP:
        return
    battle.order[unit] = kind
    battle.target[unit] = target
    battle.responds[unit] = False
    battle.detour[unit] = 0
    set_out(battle, unit)


@njit
def set_out(battle, unit):
    """Begin to watch a walk to a point for progress."""
    battle.nearest[unit] = math.inf
    battle.stalled[unit] = 0


@njit
def become_idle(battle, unit):
    """End the unit's order where it stands."""
    battle.order[unit] = STOP
    battle.target[unit] = NOBODY
    battle.responds[unit] = False
    guard_here(battle, unit)


@njit
def guard_here(battle, unit):
    """Make the unit's present place the one it returns to when it is idle."""
    battle.guard_x[unit] = battle.x[unit]
    battle.guard_y[unit] = battle.y[unit]
    set_out(battle, unit)
