"""Heals, energy and shields against arithmetic."""

import numpy as np
import pytest
from battle_stage import Stage

from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ATTACK, ENEMY, HEAL, SCAN_MOVE, STOP

HEAL_PER_LOOP = 9 / 16
ENERGY_PER_LOOP = 0.5625 / 16
COST = 0.33


def test_a_heal_costs_energy_and_stops_at_full_health():
    stage = Stage(("medivac", ALLY, 10, 10), ("marine", ALLY, 12, 10), autonomous=())
    energy = stage.seen["energy"][0]
    stage.order({0: (HEAL, 1)}, health={1: 30.0})
    seen = stage.watch(40)
    assert seen["health"][:, 1] == pytest.approx(np.minimum(30 + HEAL_PER_LOOP * np.arange(1, 41), 45))
    paid = COST * (seen["health"][:, 1] - 30)
    assert seen["energy"][:, 0] == pytest.approx(energy + ENERGY_PER_LOOP * np.arange(1, 41) - paid, rel=1e-5)


def test_fifty_energy_heal_about_150_points():
    stage = Stage(("medivac", ALLY, 10, 10), ("marauder", ALLY, 12, 10), autonomous=())
    healed = 0.0
    while stage.seen["energy"][0] > 1:
        stage.order({0: (HEAL, 1)}, health={1: 1.0})
        stage.watch(1)
        healed += stage.seen["health"][1] - 1
    loops = healed / HEAL_PER_LOOP
    assert healed == pytest.approx((50 - 1 + (loops + 2) * ENERGY_PER_LOOP) / COST, abs=1)


def test_an_exhausted_healer_heals_what_it_regains():
    stage = Stage(("medivac", ALLY, 10, 10), ("marauder", ALLY, 12, 10), autonomous=())
    healed = 0.0
    for _ in range(1000):
        stage.order({0: (HEAL, 1)}, health={1: 1.0})
        stage.watch(1)
        healed = stage.seen["health"][1] - 1
    assert healed == pytest.approx(ENERGY_PER_LOOP / COST, rel=1e-3)


def test_energy_grows_to_its_maximum():
    stage = Stage(("medivac", ALLY, 10, 10))
    start = stage.seen["energy"][0]
    assert start == pytest.approx(50 + 2 * ENERGY_PER_LOOP)
    stage.engine.advance(160)
    assert stage.look()["energy"][0] == pytest.approx(start + 160 * ENERGY_PER_LOOP)
    stage.engine.advance(5000)
    assert stage.look()["energy"][0] == 200


def test_one_healer_per_patient():
    stage = Stage(*[("medivac", ALLY, 10, 10)] * 3, ("marine", ALLY, 12, 10), autonomous=())
    stage.watch(20)
    energy = stage.seen["energy"][:3].copy()
    stage.order(dict.fromkeys(range(3), (HEAL, 3)), health={3: 10.0})
    stage.watch(16)
    assert stage.seen["health"][3] == pytest.approx(10 + 16 * HEAL_PER_LOOP)
    assert sorted(np.round(stage.seen["energy"][:3] - energy, 3)) == pytest.approx(
        [16 * (ENERGY_PER_LOOP - COST * HEAL_PER_LOOP)] + [16 * ENERGY_PER_LOOP] * 2, abs=2e-3
    )


def test_healers_come_into_their_range():
    stage = Stage(("medivac", ALLY, 10, 10), ("marine", ALLY, 20, 10), autonomous=())
    stage.order({0: (HEAL, 1)}, health={1: 10.0})
    stage.watch(1)
    while stage.seen["health"][1] == 10:
        before = stage.gap(0, 1)
        stage.watch(1)
    assert 3.9 < before <= 4


def test_self_minded_healers_choose_the_neediest_that_nobody_heals():
    stage = Stage(
        *[("medivac", ENEMY, 10, 10)] * 2,
        *[("marauder", ENEMY, 12, 10), ("marine", ENEMY, 12, 11), ("marine", ENEMY, 12, 9)],
    )
    stage.order(health={2: 100.0, 3: 20.0, 4: 30.0})
    stage.watch(4)
    gained = stage.seen["health"][2:5] - [100, 20, 30]
    assert gained == pytest.approx([0, 4 * HEAL_PER_LOOP, 4 * HEAL_PER_LOOP])


def test_self_minded_healers_need_some_energy_to_begin():
    stage = Stage(("medivac", ENEMY, 10, 10), ("marauder", ENEMY, 12, 10))
    while stage.seen["energy"][0] > 1:
        stage.order(health={1: 1.0})
        stage.watch(1)
    seen = stage.watch(100)
    assert seen["health"][-1, 1] == seen["health"][10, 1]
    stage.watch(60)
    assert stage.seen["health"][1] > seen["health"][-1, 1]


def test_scanning_healers_stop_for_patients_and_go_on():
    stage = Stage(("medivac", ENEMY, 4, 16), ("marine", ENEMY, 14, 16))
    stage.order({0: (SCAN_MOVE, 28, 16)}, health={1: 20.0})
    stage.watch(100)
    assert stage.seen["health"][1] == 45
    stage.watch(160)
    assert stage.place(0) == pytest.approx([28, 16], abs=1e-4)


def test_shields_recover_ten_seconds_after_the_last_damage():
    stage = Stage(("marine", ALLY, 10, 10), ("zealot", ENEMY, 14, 10), autonomous=())
    stage.order({0: (ATTACK, 1)}, health={1: 77.0})
    stage.watch(1)
    assert stage.seen["shield"][1] == 44
    stage.order({0: (STOP,)})
    shield = stage.watch(230)["shield"][:, 1]
    assert (shield[:159] == 44).all()
    assert shield[159:] == pytest.approx(np.minimum(44 + 0.125 * np.arange(1, 72), 50))
    assert stage.seen["health"][1] == 77


def test_a_ready_shield_recovers_at_once():
    stage = Stage(("stalker", ALLY, 10, 10), autonomous=())
    stage.order(shield={0: 30.0})
    assert stage.watch(8)["shield"][:, 0] == pytest.approx(30 + 0.125 * np.arange(1, 9))
