"""How units that look after themselves choose whom to fight and whom to heal.

docs/reference/smac.md#orders-and-behaviour
"""

from numba import njit

from dizoo_ext.smac_multiarmy.embedded.geometry import distance_to, gap
from dizoo_ext.smac_multiarmy.embedded.orders import can_heal, can_hit
from dizoo_ext.smac_multiarmy.embedded.state import NOBODY
from dizoo_ext.smac_multiarmy.embedded.units import HEAL_COST, HEAL_LEAST_ENERGY
from dizoo_ext.smac_multiarmy.engine_interface import STOP

_SLACK = 1.0
"""A target is kept until it is this much farther away than where it would be found."""
_LEASH = 21.0
"""How far from its place an idle unit lets itself be drawn."""
_HELP_RADIUS = 4.0
"""From how far idle units come to the help of a damaged one."""


@njit
def choose_foe(battle, table, unit):
    """Set ``target`` to the enemy that an armed unit fights now, or `NOBODY`.

    A living target is kept while it can be seen or the unit responds to its attack, but one that is out of the weapon's
    range is left for another within it, and one that is no threat for one that is. A new target is the nearest threat
    within the scan range, else the nearest other enemy there, else who just damaged the unit or, for an idle unit, its
    neighbours.
    """
    kind = table[battle.type[unit]]
    target = battle.target[unit]
    if battle.order[unit] == STOP and strays(battle, unit):
        battle.target[unit] = NOBODY
        battle.responds[unit] = False
        return
    if target != NOBODY and battle.alive[target]:
        distance = gap(battle, unit, target)
        if distance <= kind.scan_range + _SLACK or battle.responds[unit]:
            is_threat = threatens(battle, table, target, unit)
            if distance <= kind.range and is_threat:
                return
            other = nearest_foe(battle, table, unit, kind.range if is_threat else kind.scan_range)
            if other != NOBODY and (distance > kind.range or threatens(battle, table, other, unit)):
                battle.target[unit] = other
                battle.responds[unit] = False
            return
    target = nearest_foe(battle, table, unit, kind.scan_range)
    battle.responds[unit] = False
    if target == NOBODY and battle.hurt:
        target = foe_to_answer(battle, table, unit)
        battle.responds[unit] = target != NOBODY
    battle.target[unit] = target


@njit
def strays(battle, unit):
    """Whether a unit is farther from its place than the leash allows."""
    return distance_to(battle, unit, battle.guard_x[unit], battle.guard_y[unit]) > _LEASH


@njit
def threatens(battle, table, other, unit):
    """Whether ``other`` counts as a danger to ``unit``."""
    return table[battle.type[other]].always_threatens or can_hit(battle, table, other, unit)


@njit
def nearest_foe(battle, table, unit, within):
    """The nearest enemy that the unit can hit at most ``within`` away, threats first; `NOBODY` if there is none."""
    best = NOBODY
    best_distance = within
    best_is_threat = False
    for k in range(battle.living):
        other = battle.roll[k]
        if battle.owner[other] == battle.owner[unit] or not can_hit(battle, table, unit, other):
            continue
        distance = gap(battle, unit, other)
        if distance > within:
            continue
        is_threat = threatens(battle, table, other, unit)
        if best == NOBODY or is_threat > best_is_threat or (is_threat == best_is_threat and distance < best_distance):
            best = other
            best_distance = distance
            best_is_threat = is_threat
    return best


@njit
def foe_to_answer(battle, table, unit):
    """Who damaged the unit in the last loop or, if it is idle, one of its neighbours; `NOBODY` if nobody did."""
    if is_answerable(battle, table, unit, battle.attacker[unit]):
        return battle.attacker[unit]
    if battle.order[unit] != STOP:
        return NOBODY
    for k in range(battle.living):
        other = battle.roll[k]
        if (
            battle.owner[other] == battle.owner[unit]
            and is_answerable(battle, table, unit, battle.attacker[other])
            and distance_to(battle, unit, battle.x[other], battle.y[other]) <= _HELP_RADIUS
        ):
            return battle.attacker[other]
    return NOBODY


@njit
def is_answerable(battle, table, unit, attacker):
    """Whether there is an attacker alive whom the unit can hit."""
    return attacker != NOBODY and battle.alive[attacker] and can_hit(battle, table, unit, attacker)


@njit
def choose_patient(battle, table, unit):
    """Set ``target`` to the damaged unit that a healer tends now, or `NOBODY`.

    A patient is kept until it is healthy, out of sight or in another's care. The next is the one with the lowest part
    of its health, the nearest of those, among the damaged in sight that nobody heals in this loop.
    """
    kind = table[battle.type[unit]]
    target = battle.target[unit]
    if (
        target != NOBODY
        and battle.energy[unit] >= kind.heal * HEAL_COST
        and is_patient(battle, table, unit, target)
        and gap(battle, unit, target) <= kind.scan_range + _SLACK
    ):
        return
    battle.target[unit] = NOBODY
    if battle.energy[unit] >= HEAL_LEAST_ENERGY:
        battle.target[unit] = neediest_patient(battle, table, unit, kind.scan_range)


@njit
def is_patient(battle, table, unit, other):
    """Whether a healer can do something for another unit that nobody does yet in this loop."""
    return (
        can_heal(battle, table, unit, other)
        and battle.health[other] < table[battle.type[other]].health
        and not battle.healed[other]
    )


@njit
def neediest_patient(battle, table, unit, within):
    """The patient at most ``within`` away with the lowest part of its health, the nearest of equals, or `NOBODY`."""
    best = NOBODY
    best_health = 1.0
    best_distance = within
    for k in range(battle.living):
        other = battle.roll[k]
        if not is_patient(battle, table, unit, other):
            continue
        distance = gap(battle, unit, other)
        if distance > within:
            continue
        health = battle.health[other] / table[battle.type[other]].health
        if health < best_health or (health == best_health and distance < best_distance):
            best = other
            best_health = health
            best_distance = distance
    return best
