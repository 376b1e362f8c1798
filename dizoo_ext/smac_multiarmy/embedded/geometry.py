"""Distances between the units of a battle and the bounds of its map."""

import math

from numba import njit


@njit
def gap(battle, one, other):
    """Distance between the edges of two units, negative where they overlap."""
    x = battle.x[other] - battle.x[one]
    y = battle.y[other] - battle.y[one]
    return math.sqrt(x * x + y * y) - battle.radius[one] - battle.radius[other]


@njit
def distance_to(battle, unit, x, y):
    """Distance between a unit's centre and a point."""
    x -= battle.x[unit]
    y -= battle.y[unit]
    return math.sqrt(x * x + y * y)


@njit
def inside(battle, unit, coordinate):
    """The coordinate that is nearest to the given one among those where the unit's body is on the map."""
    margin = battle.inner_radius[unit]
    return min(max(coordinate, margin), battle.map_size - margin)
