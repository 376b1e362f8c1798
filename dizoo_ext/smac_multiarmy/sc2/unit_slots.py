"""A roster in the game's terms: what to create, and which created unit stands in which slot."""

from typing import NamedTuple

import numpy as np


class Creation(NamedTuple):
    """Several units of one type and owner on one point."""

    kind: int
    owner: int
    x: float
    y: float
    quantity: int


def creations(roster: np.ndarray) -> list[Creation]:
    """The units of a () `ROSTER` record in order; neighbours that differ in nothing become one entry."""
    found: list[Creation] = []
    for slot in range(int(roster["units"])):
        kind, owner, x, y = (roster[field][slot].item() for field in ("type", "owner", "x", "y"))
        one = Creation(kind, owner, x, y, quantity=1)
        if found and found[-1][:4] == one[:4]:
            found[-1] = found[-1]._replace(quantity=found[-1].quantity + 1)
        else:
            found.append(one)
    return found


def tags_of_slots(roster: np.ndarray, seen: list[tuple[int, int, int, float, float]]) -> list[int] | None:
    """The tag of every slot, or None while ``seen`` does not hold exactly the roster's units.

    A slot gets a unit of its type and owner, nearest first, and among the slots of one point the unit with the lowest
    tag comes first.

    Args:
        roster: () `ROSTER` record.
        seen: tag, type, owner, x and y of every unit on the map.
    """
    number = int(roster["units"])
    types, owners = roster["type"][:number], roster["owner"][:number]
    if sorted(zip(types.tolist(), owners.tolist(), strict=True)) != sorted(unit[1:3] for unit in seen):
        return None
    tags = [0] * number
    for kind, owner in set(zip(types.tolist(), owners.tolist(), strict=True)):
        slots = np.flatnonzero((types == kind) & (owners == owner))
        units = sorted(unit for unit in seen if unit[1:3] == (kind, owner))
        places = np.stack([roster["x"][slots], roster["y"][slots]], axis=1)
        found = np.array([unit[3:] for unit in units], dtype=np.float32)
        points, point_of_slot = np.unique(places, axis=0, return_inverse=True)
        room = np.bincount(point_of_slot.reshape(-1))
        for unit, point in _nearest(np.linalg.norm(found[:, None] - points, axis=-1), room):
            slot = slots[np.flatnonzero(point_of_slot.reshape(-1) == point)[-room[point]]]
            room[point] -= 1
            tags[slot] = units[unit][0]
    return tags


def _nearest(distances: np.ndarray, room: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (unit, point), units ascending: shortest of (units, points) ``distances`` first, ``room`` units a point."""
    left = room.copy()
    chosen: dict[int, int] = {}
    for pair in np.argsort(distances, axis=None, kind="stable"):
        unit, point = divmod(int(pair), distances.shape[1])
        if unit not in chosen and left[point]:
            chosen[unit] = point
            left[point] -= 1
    return sorted(chosen.items())
