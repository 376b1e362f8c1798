"""The units of StarCraft II as data (docs/reference/smac.md#unit-data): adding a unit means adding a row.

Game data count in game seconds of `LOOPS_PER_SECOND` loops; the table counts in loops, map units and hit points.
"""

from typing import Any

import numpy as np

LOOPS_PER_SECOND = 16

LIGHT, ARMOURED, BIOLOGICAL, MECHANICAL = 1, 2, 4, 8
"""Attributes, to be combined with ``|``."""

SHIELD_REGENERATION = 2 / LOOPS_PER_SECOND
"""Points per loop, from `SHIELD_DELAY` loops after the last damage on."""
SHIELD_DELAY = 10 * LOOPS_PER_SECOND
LEAST_DAMAGE = 0.5
"""What a hit that gets past the shield does at least, whatever the armour."""
COOLDOWN_DELAY = (-1.0, 2.0)
"""Bounds, in loops, of the random delay added to each cooldown."""
HEAL_COST = 0.33
"""Energy per point of health."""
HEAL_LEAST_ENERGY = 5.0
"""Energy from which on a healer begins to heal without an order."""

UNIT_TYPE = np.dtype(
    [
        ("health", np.float64),
        ("shield", np.float64),
        ("armour", np.float64),
        ("attributes", np.uint8),
        ("flying", np.bool_),
        ("speed", np.float64),
        ("radius", np.float64),
        ("inner_radius", np.float64),
        ("range", np.float64),
        ("scan_range", np.float64),
        ("period", np.float64),
        ("damage", np.float64),
        ("bonus", np.float64),
        ("bonus_attributes", np.uint8),
        ("hits", np.int64),
        ("hits_air", np.bool_),
        ("always_threatens", np.bool_),
        ("heal", np.float64),
        ("energy", np.float64),
        ("energy_max", np.float64),
        ("energy_regeneration", np.float64),
        ("max_cooldown", np.float64),
        ("game_id", np.int64),
        ("rl_id", np.int64),
    ],
    align=True,
)
"""One type of unit.

``health``, ``shield`` and ``energy_max`` are maxima, ``energy`` is what a new unit has. ``speed``, ``heal`` and
``energy_regeneration`` are per loop, ``period`` in loops. Ranges (of the weapon or the heal, and of looking for a
target) run from edge to edge, edges lying ``radius`` from the centre; ``inner_radius`` is for collisions. ``damage`` is
that of one of ``hits`` hits, ``bonus`` comes on top against targets with one of ``bonus_attributes``; units without
damage have no weapon, units with ``heal`` are healers. Those that ``always_threatens`` are attacked as if they were
armed. ``max_cooldown`` is what features divide cooldowns by, in every profile. ``game_id`` is the game's own type;
``rl_id``, valid for game build 69232 only, the SMAC maps' copy of it without behaviour of its own.
"""


def _unit(*, seconds: float = 0.0, speed: float, **values: Any) -> dict[str, Any]:
    """A row from numbers in game seconds: the weapon's period and the speed."""
    return dict(values, period=seconds * LOOPS_PER_SECOND, speed=speed / LOOPS_PER_SECOND)


# Sources: bodies (health to inner_radius) from the unit catalogue inside the SMAC maps, which holds in every game
# version; weapons, heal and scan ranges from the multiplayer catalogue of game version 4.7; max_cooldown from SMAC.
_LOTV = {
    "zealot": _unit(
        **dict(health=100, shield=50, armour=1, attributes=LIGHT | BIOLOGICAL, speed=2.25, radius=0.5),
        **dict(inner_radius=0.375, range=0.1, scan_range=5, seconds=1.2, damage=8, hits=2),
        **dict(max_cooldown=22, game_id=73, rl_id=1942),
    ),
    "stalker": _unit(
        **dict(health=80, shield=80, armour=1, attributes=ARMOURED | MECHANICAL, speed=2.9531, radius=0.625),
        **dict(inner_radius=0.5, range=6, scan_range=6.5, seconds=1.87, damage=13, hits=1, hits_air=True),
        **dict(bonus=5, bonus_attributes=ARMOURED, max_cooldown=35, game_id=74, rl_id=1941),
    ),
    "marine": _unit(
        **dict(health=45, shield=0, armour=0, attributes=LIGHT | BIOLOGICAL, speed=2.25, radius=0.375),
        **dict(inner_radius=0.375, range=5, scan_range=5.5, seconds=0.8608, damage=6, hits=1, hits_air=True),
        **dict(max_cooldown=15, game_id=48, rl_id=1939),
    ),
    "marauder": _unit(
        **dict(health=125, shield=0, armour=1, attributes=ARMOURED | BIOLOGICAL, speed=2.25, radius=0.5625),
        **dict(inner_radius=0.375, range=6, scan_range=6.5, seconds=1.5, damage=10, hits=1),
        **dict(bonus=10, bonus_attributes=ARMOURED, max_cooldown=25, game_id=51, rl_id=1938),
    ),
    # Medivacs have no inner radius of their own; they keep the others' at their full radius.
    "medivac": _unit(
        **dict(health=150, shield=0, armour=1, attributes=ARMOURED | MECHANICAL, flying=True, speed=2.75, radius=0.75),
        **dict(inner_radius=0.75, range=4, scan_range=6, always_threatens=True, heal=9 / LOOPS_PER_SECOND),
        **dict(energy=50, energy_max=200, energy_regeneration=0.5625 / LOOPS_PER_SECOND),
        **dict(max_cooldown=200, game_id=54, rl_id=1940),
    ),
}
# The Liberty catalogue, which the maps name as their only dependency.
_WOL: dict[str, dict[str, Any]] = {
    "zealot": dict(scan_range=5),
    "stalker": dict(scan_range=6, damage=10, bonus=4, period=1.44 * LOOPS_PER_SECOND),
    "marine": dict(scan_range=5),
    "marauder": dict(scan_range=6),
}
# The multiplayer catalogue of game version 4.1 (build 60196); two shots of the Marauder are uncertain.
_4_1: dict[str, dict[str, Any]] = {
    "stalker": dict(damage=15, bonus=6, period=2.16 * LOOPS_PER_SECOND),
    "marauder": dict(damage=5, bonus=5, hits=2),
}
_CHANGES = {"lotv": {}, "wol": _WOL, "4.1": _4_1}

UNIT_NAMES = tuple(_LOTV)
"""The types' names; their positions are the types of `interface.ROSTER`."""
PROFILES = tuple(_CHANGES)
DEFAULT_PROFILE = "lotv"
RL_CATALOGUE = (
    "baneling",
    "colossus",
    "hydralisk",
    "marauder",
    "marine",
    "medivac",
    "stalker",
    "zealot",
    "zergling",
)
"""The order in which the SMAC maps define their copies: their ids are consecutive and the game's last
(docs/reference/smac.md#ids-of-the-maps-units)."""


def rl_name(name: str) -> str:
    """The game's name of the maps' copy of a unit: ``"marine"`` -> ``"Marine_RL"``."""
    return f"{name.capitalize()}_RL"


def unit_table(profile: str = DEFAULT_PROFILE) -> np.ndarray:
    """The (len(UNIT_NAMES),) `UNIT_TYPE` records of a profile: ``"lotv"``, ``"wol"`` or ``"4.1"``.

    Raises:
        ValueError: there is no such profile.
    """
    if profile not in PROFILES:
        raise ValueError(f"no unit data {profile!r}; choose one of {', '.join(PROFILES)}")
    table = np.zeros(len(UNIT_NAMES), dtype=UNIT_TYPE)
    for row, name in zip(table, UNIT_NAMES, strict=True):
        for field, value in {**_LOTV[name], **_CHANGES[profile].get(name, {})}.items():
            row[field] = value
    return table
