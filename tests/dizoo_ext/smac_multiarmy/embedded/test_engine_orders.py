"""What units do with orders and without."""

import numpy as np
import pytest
from battle_stage import Battles, Stage, orders_of, roster_of, type_of

from dizoo_ext.smac_multiarmy.embedded.state import ENEMIES_ONLY
from dizoo_ext.smac_multiarmy.embedded.units import unit_table
from dizoo_ext.smac_multiarmy.engine_interface import (
    ALLY,
    ATTACK,
    ATTACK_MOVE,
    ENEMY,
    HEAL,
    KEEP,
    MOVE,
    SCAN_MOVE,
    STOP,
)

# Units per environment step of 8 loops (docs/reference/smac.md#unit-data).
STEP = {"stalker": 1.47655, "zealot": 1.125, "marine": 1.125, "marauder": 1.125, "medivac": 1.375}


@pytest.mark.parametrize("name", STEP)
@pytest.mark.parametrize("kind", [MOVE, ATTACK_MOVE, SCAN_MOVE])
def test_walks_are_straight_and_end_on_the_point(name, kind):
    stage = Stage((name, ALLY, 6, 8))
    stage.order({0: (kind, 12, 16)})
    places = np.stack([stage.watch(8)[-1][["x", "y"]].tolist() for _ in range(14)])[:, :, 0]
    ways = np.minimum(STEP[name] * np.arange(1, 15), 10)
    assert places == pytest.approx(np.array([6, 8]) + ways[:, None] * [0.6, 0.8], abs=1e-4)


def test_stop_and_keep():
    stage = Stage(("marine", ALLY, 6, 8))
    stage.order({0: (MOVE, 20, 8)})
    stage.watch(8)
    stage.order({0: (KEEP, 3, 3)})
    stage.watch(8)
    assert stage.place(0) == pytest.approx([6 + 2 * STEP["marine"], 8], abs=1e-4)
    stage.order({0: (STOP,)})
    stage.watch(8)
    assert stage.place(0) == pytest.approx([6 + 2 * STEP["marine"], 8], abs=1e-4)


def test_points_off_the_map_are_brought_back():
    stage = Stage(("zealot", ALLY, 1, 1), ("medivac", ALLY, 30, 30))
    stage.order({0: (MOVE, -5, 0), 1: (MOVE, 100, 40)})
    stage.watch(30)
    assert stage.place(0) == pytest.approx([0.375, 0.375])
    assert stage.place(1) == pytest.approx([31.25, 31.25])


@pytest.mark.parametrize(
    ("unit", "order"),
    [
        ("zealot", (ATTACK, 2)),
        ("marauder", (ATTACK, 2)),
        ("marine", (ATTACK, 1)),
        ("marine", (ATTACK, 60)),
        ("marine", (ATTACK, -1)),
        ("medivac", (ATTACK, 3)),
        ("marine", (HEAL, 1)),
        ("medivac", (HEAL, 0)),
        ("medivac", (HEAL, 3)),
        ("medivac", (HEAL, 4)),
    ],
    ids=str,
)
def test_impossible_orders_are_refused_and_the_previous_goes_on(unit, order):
    stage = Stage(
        (unit, ALLY, 6, 10),
        ("marine", ALLY, 6, 12),
        ("medivac", ENEMY, 9, 11),
        ("zealot", ENEMY, 9, 9),
        ("stalker", ALLY, 6, 14),
        autonomous=(),
    )
    stage.order({0: (MOVE, 20, 10)}, health={1: 10.0, 3: 10.0, 4: 10.0})
    stage.watch(1)
    before = stage.seen
    stage.order({0: order})
    stage.watch(8)
    assert stage.place(0) - [before["x"][0], before["y"][0]] == pytest.approx([STEP[unit], 0], abs=1e-4)
    assert (stage.seen["health"][:5] == before["health"][:5]).all()


def test_orders_to_and_against_the_dead():
    stage = Stage(("marine", ALLY, 6, 10), ("zealot", ENEMY, 9, 10), autonomous=())
    stage.order(health={1: 0.0})
    stage.watch(1)
    assert stage.seen["alive"][:3].tolist() == [1, 0, 0]
    place = stage.place(1)
    stage.order({0: (ATTACK, 1), 1: (MOVE, 20, 20)}, health={1: 50.0})
    stage.watch(8)
    assert stage.seen["alive"][1] == 0
    assert stage.place(1) == pytest.approx(place)
    assert stage.seen["cooldown"][0] == 0


def test_new_vitals_stay_within_their_bounds():
    stage = Stage(("zealot", ALLY, 6, 10), autonomous=())
    stage.order(health={0: 500.0}, shield={0: -3.0})
    seen = stage.look()
    assert (seen["health"][0], seen["shield"][0]) == (100, 0)


def test_a_target_that_dies_ends_the_order():
    stage = Stage(("marine", ALLY, 6, 10), ("zealot", ENEMY, 25, 10), ("zealot", ENEMY, 9, 10), autonomous=())
    stage.order({0: (ATTACK, 1)})
    stage.watch(8)
    stage.order(health={1: 0.0})
    stage.watch(2)
    place = stage.place(0)
    stage.watch(40)
    assert stage.place(0) == pytest.approx(place)
    assert stage.seen["shield"][2] == 50


def test_chases_follow_their_target():
    stage = Stage(("zealot", ALLY, 6, 10), ("stalker", ENEMY, 10, 10), autonomous=())
    stage.order({0: (ATTACK, 1), 1: (MOVE, 10, 24)})
    stage.watch(160)
    assert stage.place(1) == pytest.approx([10, 24], abs=0.2)
    assert stage.gap(0, 1) <= 0.1
    assert stage.seen["shield"][1] < 80


def test_allies_do_nothing_by_themselves():
    stage = Stage(
        ("marine", ALLY, 10, 10), ("zealot", ALLY, 14, 10), ("medivac", ALLY, 10, 12), ("zealot", ENEMY, 13, 10)
    )
    stage.order(health={0: 20.0})
    seen = stage.watch(60)
    assert (seen["cooldown"][:, :3] == 0).all()
    assert (seen["health"][:, 3] == 100).all()
    assert seen["health"][-1, 1] < 100
    assert np.abs(np.diff(seen["x"][:, :3], axis=0)).max() == 0


@pytest.mark.parametrize(("name", "scan_range"), [("zealot", 5), ("stalker", 6.5), ("marine", 5.5), ("marauder", 6.5)])
def test_idle_enemies_notice_who_comes_into_their_scan_range(name, scan_range):
    for off, notices in ((-0.05, True), (0.05, False)):
        radii = sum(unit_table()[type_of(each)]["radius"] for each in (name, "marine"))
        stage = Stage((name, ENEMY, 10, 10), ("marine", ALLY, 10 + scan_range + off + radii, 10))
        stage.watch(24)
        assert (stage.seen["x"][0] > 10) == notices
        assert (stage.seen["cooldown"][0] > 0) == (notices and name != "zealot")


def test_attack_move_fights_on_the_way_and_then_goes_on():
    stage = Stage(("stalker", ENEMY, 6, 16), ("marine", ALLY, 16, 16))
    stage.order({0: (ATTACK_MOVE, 28, 16)})
    stage.watch(100)
    assert stage.seen["alive"][1] == 1
    assert stage.gap(0, 1) == pytest.approx(6, abs=0.02)
    stage.watch(200)
    assert stage.seen["alive"][1] == 0
    assert stage.place(0) == pytest.approx([28, 16], abs=1e-4)


def test_allies_attack_move_when_told_to():
    stage = Stage(("marine", ALLY, 6, 16), ("zealot", ENEMY, 16, 16), autonomous=())
    stage.order({0: (ATTACK_MOVE, 28, 16)})
    stage.watch(100)
    assert stage.gap(0, 1) == pytest.approx(5, abs=0.02)
    assert stage.seen["shield"][1] < 50


def test_retreating_units_do_not_fight_until_they_arrive():
    stage = Stage(("zealot", ENEMY, 12, 16), ("marine", ALLY, 13.2, 16), autonomous=(ENEMY,))
    stage.order({0: (MOVE, 20, 16), 1: (MOVE, 22, 16)})
    vitals = stage.watch(70)["health"][:, 1]
    first_hit = int(np.argmax(vitals < 45))
    assert first_hit > (20 - 12) / (STEP["zealot"] / 8) - 2


def test_an_idle_unit_answers_fire_from_beyond_its_sight_and_calls_for_help():
    stage = Stage(
        ("stalker", ALLY, 10, 16),
        ("zealot", ENEMY, 10 + 6 + 1.1, 16),
        ("zealot", ENEMY, 10 + 6 + 1.1 + 1, 18.5),
        ("zealot", ENEMY, 10 + 6 + 1.1 + 5, 18.5),
    )
    stage.watch(16)
    assert stage.seen["cooldown"][:4].tolist() == [0, 0, 0, 0]
    stage.order({0: (ATTACK, 1)})
    before = stage.seen["x"].copy()
    stage.watch(16)
    moved = before - stage.seen["x"]
    assert (moved[1:3] > 1).all()
    assert moved[3] == 0


def test_idle_units_return_when_their_target_is_gone():
    stage = Stage(("zealot", ENEMY, 10, 16), ("stalker", ALLY, 15, 16))
    stage.order({1: (MOVE, 30, 16)})
    stage.watch(30)
    assert stage.seen["x"][0] > 12
    stage.order(health={1: 0.0})
    stage.watch(100)
    assert np.hypot(*(stage.place(0) - [10, 16])) <= 0.5


def test_idle_units_give_up_at_the_end_of_their_leash():
    stage = Stage(("zealot", ENEMY, 3, 3), ("marine", ALLY, 6, 6))
    farthest = 0.0
    for corner in [(29, 29), (3, 29), (29, 3)]:
        stage.order({1: (MOVE, *corner)})
        for _ in range(40):
            stage.order(health={1: 45.0})
            stage.watch(8)
            farthest = max(farthest, np.hypot(*(stage.place(0) - [3, 3])))
    assert 20 < farthest < 21.5


def test_a_target_in_range_is_kept_although_another_comes_nearer():
    stage = Stage(("stalker", ENEMY, 10, 16), ("zealot", ALLY, 14, 16), ("marine", ALLY, 10, 28))
    stage.watch(2)
    stage.order({2: (MOVE, 10, 18)})
    stage.watch(8 * 10)
    assert stage.gap(0, 2) < stage.gap(0, 1) - 1
    shield = stage.seen["shield"][1]
    stage.watch(8 * 5)
    assert stage.seen["shield"][1] < shield < 50
    assert stage.seen["health"][2] == 45


def test_a_chased_target_is_left_for_one_in_reach():
    stage = Stage(("zealot", ENEMY, 10, 16), ("stalker", ALLY, 13, 16), ("marine", ALLY, 16, 16.9))
    stage.order({1: (MOVE, 30, 16)})
    stage.watch(60)
    assert stage.seen["shield"][1] == 80
    assert stage.seen["health"][2] < 45


def test_medivacs_are_attacked_like_armed_units():
    stage = Stage(("stalker", ENEMY, 10, 16), ("marine", ALLY, 15, 16), ("medivac", ALLY, 13.5, 16))
    stage.watch(4)
    assert (stage.seen["health"][1:3] == [45, 150 - 17]).all()


def test_threats_come_before_harmless_units():
    table = unit_table()
    table["always_threatens"] = False
    roster = roster_of(
        [("stalker", ENEMY, 10, 16), ("medivac", ALLY, 13, 16), ("medivac", ALLY, 16, 12), ("marine", ALLY, 29, 16)]
    )
    battles = Battles(np.array([roster]), autonomous=ENEMIES_ONLY, table=table)
    battles.advance(8)
    assert (battles.units["health"][0, :4] == [80, 150 - 17, 150, 45]).all()
    battles.order(np.array([orders_of({2: (MOVE, 10, 14), 3: (MOVE, 16, 18)})]))
    battles.advance(120)
    harmed = battles.units["health"][0, 1]
    assert (battles.units["health"][0, 2:4] == [150, 45 - 13]).all()
    battles.advance(40)
    assert battles.units["health"][0, 1] == harmed
    assert battles.units["health"][0, 3] < 45 - 13


def test_units_sent_to_one_point_gather_there_and_are_idle():
    stage = Stage(*[("zealot", ENEMY, 4, 16)] * 8, ("marine", ALLY, 30, 26))
    stage.order(dict.fromkeys(range(8), (MOVE, 24, 16)))
    stage.watch(190)
    off = np.hypot(stage.seen["x"][:8] - 24, stage.seen["y"][:8] - 16)
    assert off.max() < 3
    before = np.stack([stage.seen["x"][:8], stage.seen["y"][:8]])
    stage.watch(40)
    assert np.abs(np.stack([stage.seen["x"][:8], stage.seen["y"][:8]]) - before).max() < 0.1
    stage.order({8: (MOVE, 26, 17)})
    stage.watch(120)
    assert stage.seen["alive"][8] == 0


def test_walkers_find_their_way_round_standing_units():
    wall = [("stalker", ALLY, 16, 14 + 1.05 * k) for k in range(5)]
    stage = Stage(*wall, ("zealot", ALLY, 10, 16.1))
    stage.order({5: (MOVE, 22, 16.1)})
    stage.watch(8 * 25)
    assert stage.place(5) == pytest.approx([22, 16.1], abs=0.01)


def test_melee_units_surround_their_target():
    stage = Stage(*[("zealot", ENEMY, 6, 16)] * 5, ("marauder", ALLY, 14, 16))
    stage.order(dict.fromkeys(range(5), (ATTACK_MOVE, 14, 16)))
    for _ in range(25):
        stage.order(health={5: 125.0})
        stage.watch(8)
    assert all(stage.gap(slot, 5) <= 0.12 for slot in range(5))


def test_simultaneous_shots_let_equals_die_together():
    ends = []
    for seed in range(300):
        stage = Stage(("marine", ALLY, 14, 16), ("marine", ENEMY, 17, 16), seed=seed, autonomous=())
        stage.order({0: (ATTACK, 1), 1: (ATTACK, 0)}, health={0: 6.0, 1: 6.0})
        stage.watch(2)
        ends.append(stage.seen["alive"][:2].sum())
    assert set(ends) == {0}
