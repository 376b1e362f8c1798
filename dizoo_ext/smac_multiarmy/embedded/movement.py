"""How units get from place to place without standing on each other (docs/reference/smac.md#movement)."""

import math

from numba import njit

from dizoo_ext.smac_multiarmy.embedded.geometry import inside
from dizoo_ext.smac_multiarmy.embedded.state import NOBODY

_SWEEPS = 2
_GIVES_WAY = 0.9
"""Part of an overlap that a walking unit takes upon itself when the other one stands."""
_DETOUR_LOOPS = 4
"""How long a unit remembers on which side it went round others after its way became free."""
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))


@njit
def move_units(battle):
    """Carry out the planned steps of one loop, round those who stand in the way, and end overlaps."""
    walkers = 0
    for k in range(battle.living):
        if battle.walks[battle.roll[k]]:
            walkers += 1
            steer(battle, battle.roll[k])
    if walkers:
        for k in range(battle.living):
            unit = battle.roll[k]
            if battle.walks[unit]:
                battle.x[unit] = inside(battle, unit, battle.x[unit] + battle.step_x[unit])
                battle.y[unit] = inside(battle, unit, battle.y[unit] + battle.step_y[unit])
    if walkers or battle.crowded:
        for _ in range(_SWEEPS):
            battle.crowded = push_apart(battle)
            if not battle.crowded:
                break


@njit
def steer(battle, unit):
    """Turn the unit's step along the edge of a standing unit in its way."""
    blocker = first_in_way(battle, unit)
    if blocker == NOBODY:
        if battle.detour[unit] != 0:
            battle.detour[unit] -= 1 if battle.detour[unit] > 0 else -1
        return
    off_x = battle.x[blocker] - battle.x[unit]
    off_y = battle.y[blocker] - battle.y[unit]
    turn = battle.step_x[unit] * off_y - battle.step_y[unit] * off_x
    side = battle.detour[unit]
    if side == 0:
        side = turn if turn != 0 else (1 if unit % 2 else -1)
    sign = 1 if side > 0 else -1
    battle.detour[unit] = sign * _DETOUR_LOOPS
    length = math.sqrt(battle.step_x[unit] ** 2 + battle.step_y[unit] ** 2)
    scale = sign * length / math.sqrt(off_x * off_x + off_y * off_y)
    battle.step_x[unit] = off_y * scale
    battle.step_y[unit] = -off_x * scale


@njit
def first_in_way(battle, unit):
    """The nearest standing unit into which the planned step leads, `NOBODY` if the way is free."""
    found = NOBODY
    found_square = math.inf
    step_x = battle.step_x[unit]
    step_y = battle.step_y[unit]
    for k in range(battle.living):
        other = battle.roll[k]
        if battle.walks[other] or battle.flying[other] != battle.flying[unit]:
            continue
        off_x = battle.x[other] - battle.x[unit]
        off_y = battle.y[other] - battle.y[unit]
        if off_x * step_x + off_y * step_y <= 0:
            continue
        after_x = off_x - step_x
        after_y = off_y - step_y
        least = battle.inner_radius[unit] + battle.inner_radius[other]
        square = off_x * off_x + off_y * off_y
        if after_x * after_x + after_y * after_y < least * least and square < found_square:
            found = other
            found_square = square
    return found


@njit
def push_apart(battle):
    """Move overlapping units of one layer apart, all pairs at once; whether there were any."""
    for k in range(battle.living):
        battle.sum_x[battle.roll[k]] = 0.0
        battle.sum_y[battle.roll[k]] = 0.0
    is_crowded = False
    for k in range(battle.living):
        one = battle.roll[k]
        for m in range(k + 1, battle.living):
            other = battle.roll[m]
            off_x = battle.x[other] - battle.x[one]
            off_y = battle.y[other] - battle.y[one]
            least = battle.inner_radius[one] + battle.inner_radius[other]
            square = off_x * off_x + off_y * off_y
            if square < least * least and battle.flying[one] == battle.flying[other]:
                is_crowded = True
                push_pair(battle, one, other, off_x, off_y, math.sqrt(square), least)
    if is_crowded:
        for k in range(battle.living):
            unit = battle.roll[k]
            battle.x[unit] = inside(battle, unit, battle.x[unit] + battle.sum_x[unit])
            battle.y[unit] = inside(battle, unit, battle.y[unit] + battle.sum_y[unit])
    return is_crowded


@njit
def push_pair(battle, one, other, off_x, off_y, distance, least):
    """Add to the sums what brings two units ``least`` apart, in a direction of their own if their centres coincide."""
    if distance > 0:
        off_x /= distance
        off_y /= distance
    else:
        angle = _GOLDEN_ANGLE * (one + other)
        off_x = math.cos(angle)
        off_y = math.sin(angle)
    share = 0.5
    if battle.walks[one] != battle.walks[other]:
        share = _GIVES_WAY if battle.walks[one] else 1 - _GIVES_WAY
    overlap = least - distance
    battle.sum_x[one] -= off_x * overlap * share
    battle.sum_y[one] -= off_y * overlap * share
    battle.sum_x[other] += off_x * overlap * (1 - share)
    battle.sum_y[other] += off_y * overlap * (1 - share)
