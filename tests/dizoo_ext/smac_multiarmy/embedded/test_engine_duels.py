"""Shots against arithmetic: damage, bonus, armour, shields, cooldowns, ranges."""

import itertools
import math

import numpy as np
import pytest
from battle_stage import Stage

from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ATTACK, ENEMY

HIT_AIR = ("stalker", "marine")
# The numbers of docs/reference/smac.md#unit-data and docs/embedded_engine.md, written down again:
# (damage, bonus against armoured targets, hits, period in loops).
WEAPONS = {
    "lotv": {
        "zealot": (8, 0, 2, 19.2),
        "stalker": (13, 5, 1, 29.92),
        "marine": (6, 0, 1, 13.7728),
        "marauder": (10, 10, 1, 24.0),
    },
    "wol": {"zealot": (8, 0, 2, 19.2), "stalker": (10, 4, 1, 23.04), "marine": (6, 0, 1, 13.7728)},
    "4.1": {"stalker": (15, 6, 1, 34.56), "marauder": (5, 5, 2, 24.0)},
}
# (health, shield, armour, is armoured)
BODIES = {
    "zealot": (100, 50, 1, False),
    "stalker": (80, 80, 1, True),
    "marine": (45, 0, 0, False),
    "marauder": (125, 0, 1, True),
    "medivac": (150, 0, 1, True),
}
DUELS = [
    (profile, attacker, target)
    for profile, weapons in WEAPONS.items()
    for attacker, target in itertools.product(weapons, BODIES)
    if target != "medivac" or attacker in HIT_AIR
]


def vitals_after_shots(profile: str, attacker: str, target: str) -> list[tuple[float, float]]:
    """(health, shield) of a fresh target after each shot, to its death."""
    damage, bonus, hits, _ = WEAPONS[profile][attacker]
    health, shield, armour, is_armoured = BODIES[target]
    damage += bonus * is_armoured
    trace = []
    while health > 0:
        for _ in range(hits):
            through = max(damage - shield, 0)
            shield = max(shield - damage, 0)
            health -= max(through - armour, 0.5) if through else 0
        trace.append((health, shield))
    return trace


@pytest.mark.parametrize(("profile", "attacker", "target"), DUELS)
def test_every_shot_does_what_arithmetic_says(profile, attacker, target):
    expected = vitals_after_shots(profile, attacker, target)
    period = WEAPONS[profile][attacker][3]
    stage = Stage((attacker, ALLY, 10, 10), (target, ENEMY, 11.05, 10), profile=profile, autonomous=())
    stage.order({0: (ATTACK, 1)})
    seen = stage.watch(int(len(expected) * (period + 3)) + 10)
    alive = seen["alive"][:, 1] != 0
    death = int(np.argmin(alive))
    assert not alive[death:].any()
    assert alive[:death].all()
    points = seen["health"][:death, 1] + seen["shield"][:death, 1]
    shots = [loop for loop in range(death) if points[loop] < (points[loop - 1] if loop else sum(BODIES[target][:2]))]
    assert [(seen["health"][loop, 1], seen["shield"][loop, 1]) for loop in shots] == expected[:-1]
    intervals = np.diff([*shots, death])
    assert len(intervals) == len(expected) - 1
    assert (intervals >= math.ceil(period - 1)).all()
    assert (intervals <= math.ceil(period + 2)).all()


def test_cooldowns_have_their_random_delay():
    intervals = []
    for seed in range(60):
        stage = Stage(("stalker", ALLY, 10, 10), ("marauder", ENEMY, 13, 10), seed=seed, autonomous=())
        stage.order({0: (ATTACK, 1)})
        cooldown = stage.watch(240)["cooldown"][:, 0]
        intervals += cooldown[np.flatnonzero(np.diff(cooldown, prepend=0) > 0)].tolist()
    intervals = np.array(intervals)
    assert len(intervals) >= 400
    assert (intervals >= 29.92 - 1).all()
    assert (intervals < 29.92 + 2).all()
    assert intervals.mean() == pytest.approx(29.92 + 0.5, abs=4 * np.sqrt(9 / 12 / len(intervals)))
    assert intervals.std() == pytest.approx(np.sqrt(9 / 12), rel=0.1)


@pytest.mark.parametrize(("attacker", "target"), [duel[1:] for duel in DUELS if duel[0] == "lotv"])
def test_units_walk_into_range_and_fire_at_once(attacker, target):
    stage = Stage((attacker, ALLY, 4, 16), (target, ENEMY, 24, 16), autonomous=())
    kind = stage.types[0]
    stage.order({0: (ATTACK, 1)})
    while (stage.seen["health"][1], stage.seen["shield"][1]) == BODIES[target][:2]:
        before = stage.gap(0, 1)
        stage.watch(1)
        assert stage.gap(0, 1) > kind["range"] - 0.02
    assert before <= kind["range"]
    assert stage.seen["cooldown"][0] > 0
