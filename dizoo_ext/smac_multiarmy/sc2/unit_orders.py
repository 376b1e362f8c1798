"""A record of orders in the game's terms."""

from typing import NamedTuple

import numpy as np

from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ATTACK, ATTACK_MOVE, HEAL, KEEP, MOVE, SCAN_MOVE, STOP

ABILITIES = {STOP: 4, MOVE: 16, SCAN_MOVE: 19, ATTACK: 23, ATTACK_MOVE: 23, HEAL: 386}
"""Kind of order -> the game's exact ability, the same in all its versions (docs/reference/smac.md#messages)."""
_TO_UNIT = (ATTACK, HEAL)


class Command(NamedTuple):
    """One ability for some units of one owner: on a point (x, y), on the unit with the tag ``target``, or on none."""

    owner: int
    ability: int
    point: tuple[float, float] | None
    target: int | None
    tags: list[int]


class Vital(NamedTuple):
    """A new value of a unit's health or shield."""

    field: str
    tag: int
    value: float


def commands(orders: np.ndarray, roster: np.ndarray, tags: list[int], alive: np.ndarray) -> list[Command]:
    """What to tell the living units of a roster.

    Every ally gets a command of its own. Enemies that were created on one point and are sent to one aim share one, as
    in the original: the game keeps a group's formation. Orders on a unit that the roster does not hold are left out.

    Args:
        orders: () `ORDERS` record.
        roster: () `ROSTER` record.
        tags: of every slot.
        alive: (units,) bool.
    """
    found: dict[tuple, Command] = {}
    for slot in np.flatnonzero((orders["kind"][: len(tags)] != KEEP) & alive):
        kind, owner = int(orders["kind"][slot]), int(roster["owner"][slot])
        aim = int(orders["target"][slot])
        if kind in _TO_UNIT and not 0 <= aim < len(tags):
            continue
        target = tags[aim] if kind in _TO_UNIT else None
        has_point = kind != STOP and target is None
        point = (orders["x"][slot].item(), orders["y"][slot].item()) if has_point else None
        group = slot if owner == ALLY else (roster["x"][slot].item(), roster["y"][slot].item())
        command = found.setdefault(
            (group, owner, kind, point, target), Command(owner, ABILITIES[kind], point, target, [])
        )
        command.tags.append(tags[slot])
    return [*found.values()]


def vitals(orders: np.ndarray, tags: list[int], alive: np.ndarray) -> list[Vital]:
    """The new values of health and shield that a () `ORDERS` record has for living units."""
    return [
        Vital(field, tags[slot], orders[field][slot].item())
        for field in ("health", "shield")
        for slot in np.flatnonzero(~np.isnan(orders[field][: len(tags)]) & alive)
    ]
