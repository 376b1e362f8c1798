"""The beginning of a battle: where units stand, and in which order they are dealt with.

docs/reference/smac.md#places-at-the-beginning
"""

import math

import numpy as np
from numba import njit

from dizoo_ext.smac_multiarmy.embedded.state import NOBODY
from dizoo_ext.smac_multiarmy.embedded.stream import absorb
from dizoo_ext.smac_multiarmy.engine_interface import STOP

_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_SPIRAL = 0.25
_FINENESS = 2.0**20
"""Positions are compared in steps of its inverse, far below the distance between any two units of one layer."""


@njit
def spawn(battle, table, roster, map_size, autonomous):
    """Replace the battle by a roster's; ``autonomous`` holds the bits ``1 << owner`` of the self-minded owners."""
    battle.map_size = map_size
    battle.units = battle.living = roster.units
    battle.crowded = battle.hurt = False
    number_units(battle, table, roster)
    for unit in range(battle.units):
        slot = battle.slot[unit]
        kind = table[roster.type[slot]]
        battle.roll[unit] = unit
        battle.number[slot] = unit
        battle.type[unit] = roster.type[slot]
        battle.owner[unit] = roster.owner[slot]
        battle.autonomous[unit] = (autonomous >> roster.owner[slot]) & 1
        battle.flying[unit] = kind.flying
        battle.radius[unit] = kind.radius
        battle.inner_radius[unit] = kind.inner_radius
        battle.alive[unit] = True
        battle.x[unit] = battle.goal_x[unit] = battle.guard_x[unit] = battle.sum_x[slot]
        battle.y[unit] = battle.goal_y[unit] = battle.guard_y[unit] = battle.sum_y[slot]
        battle.health[unit] = kind.health
        battle.shield[unit] = kind.shield
        battle.energy[unit] = kind.energy
        battle.cooldown[unit] = 0.0
        battle.shield_wait[unit] = 0
        battle.attacker[unit] = battle.target[unit] = battle.aim[unit] = NOBODY
        battle.order[unit] = STOP
        battle.responds[unit] = battle.walks[unit] = battle.healed[unit] = False
        battle.nearest[unit] = math.inf
        battle.stalled[unit] = battle.detour[unit] = 0


@njit
def number_units(battle, table, roster):
    """Place the units (in ``sum_x`` and ``sum_y``, by slot) and draw the order of their numbers (``slot``).

    Ties between units, the draws of the random stream and the order of floating-point sums all follow the numbers. A
    unit's number is the rank of a hash of the seed, its type and its place: so the same units standing in the same
    places fight the same battle whatever their slots, and the sides' battles are exchanged when the sides are.
    """
    for slot in range(roster.units):
        place(battle, table, roster, slot)
        key = absorb(np.uint64(0), roster.seed)
        key = absorb(key, roster.type[slot])
        key = absorb(key, np.int64(battle.sum_x[slot] * _FINENESS))
        key = absorb(key, np.int64(battle.sum_y[slot] * _FINENESS))
        rank = slot
        while rank > 0 and battle.key[rank - 1] > key:
            battle.key[rank] = battle.key[rank - 1]
            battle.slot[rank] = battle.slot[rank - 1]
            rank -= 1
        battle.key[rank] = key
        battle.slot[rank] = slot
    battle.random = absorb(np.uint64(1), roster.seed)


@njit
def place(battle, table, roster, slot):
    """Find the first free spot of a spiral around the unit's point; earlier slots stand already."""
    kind = table[roster.type[slot]]
    low = kind.inner_radius
    high = battle.map_size - kind.inner_radius
    turn = 0
    while True:
        distance = _SPIRAL * math.sqrt(turn)
        x = min(max(roster.x[slot] + distance * math.cos(turn * _GOLDEN_ANGLE), low), high)
        y = min(max(roster.y[slot] + distance * math.sin(turn * _GOLDEN_ANGLE), low), high)
        if is_free(battle, table, roster, slot, x, y):
            break
        turn += 1
    battle.sum_x[slot] = x
    battle.sum_y[slot] = y


@njit
def is_free(battle, table, roster, slot, x, y):
    """Whether no earlier slot of the same layer stands too near to a point."""
    kind = table[roster.type[slot]]
    for other in range(slot):
        other_kind = table[roster.type[other]]
        if other_kind.flying != kind.flying:
            continue
        off_x = battle.sum_x[other] - x
        off_y = battle.sum_y[other] - y
        least = kind.inner_radius + other_kind.inner_radius
        if off_x * off_x + off_y * off_y < least * least:
            return False
    return True
