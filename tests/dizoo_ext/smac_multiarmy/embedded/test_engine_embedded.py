"""What the embedded engine refuses, and how its kernels are reached from others."""

import numpy as np
import pytest
from battle_stage import MAP_SIZE, Battles, Stage, orders_of, roster_of
from embedded_engine import EmbeddedEngine
from numba import njit

from dizoo_ext.smac_multiarmy.embedded.battle import (
    advance_battle,
    begin_battle,
    new_battles,
    order_battle,
    read_battle,
)
from dizoo_ext.smac_multiarmy.embedded.units import unit_table
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ATTACK_MOVE, ENEMY, MAX_UNITS, MOVE, ORDERS, ROSTER, UNITS

SKIRMISH = [("stalker", ALLY, 12, 16), ("zealot", ALLY, 12, 16), ("marine", ENEMY, 18, 16), ("zealot", ENEMY, 18, 16)]


@njit
def play(battle, table, roster, orders, units):
    begin_battle(battle, table, roster, 32.0)
    order_battle(battle, table, orders)
    for _ in range(20):
        advance_battle(battle, table, 8)
    read_battle(battle, units)


@pytest.mark.slow
def test_other_kernels_can_play_and_see_the_same_battle():
    """Slow to compile; `test_smac_battles` compares the environment's own kernel with the engine."""
    orders = orders_of({0: (ATTACK_MOVE, 20, 16), 1: (MOVE, 16, 12)})
    stage = Stage(*SKIRMISH, seed=3)
    stage.engine.order(orders)
    stage.engine.advance(160)
    units = np.zeros(1, dtype=UNITS)
    play(new_battles(1)[0], unit_table(), np.array([roster_of(SKIRMISH, 3)])[0], np.array([orders])[0], units[0])
    assert units[0].tobytes() == stage.look().tobytes()
    assert (units["health"][0, :4] < [80, 100, 45, 100]).any()


def test_reading_leaves_dead_and_unused_slots_alone():
    stage = Stage(*SKIRMISH)
    stage.order(health={2: 0.0})
    stage.engine.advance(1)
    units = np.full((), 7, dtype=UNITS)
    stage.engine.read(units)
    assert units["alive"][:4].tolist() == [1, 1, 0, 1]
    assert (units["alive"][4:] == 0).all()
    for name in UNITS.names[1:]:
        assert units[name][2] == 7
        assert (units[name][4:] == 7).all()


def test_the_most_units_that_fit():
    roster = roster_of([("marine", slot % 2, 16, 16) for slot in range(MAX_UNITS)])
    battles = Battles(np.array([roster]))
    battles.advance(400)
    assert 0 < battles.units["alive"].sum() < MAX_UNITS


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (dict(profile="hots"), "lotv, wol, 4.1"),
        (dict(map_size=0), "positive length"),
        (dict(autonomous=(2,)), "owners are"),
    ],
)
def test_bad_settings(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        EmbeddedEngine(**arguments)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("units", MAX_UNITS + 1, "0 to 64"),
        ("units", -1, "0 to 64"),
        ("type", 99, "types of units"),
        ("owner", 2, "owners are"),
        ("x", np.nan, "not finite"),
        ("y", np.inf, "not finite"),
    ],
)
def test_bad_rosters(field, value, complaint):
    roster = roster_of(SKIRMISH)
    roster[field][... if field == "units" else 1] = value
    with pytest.raises(ValueError, match=complaint):
        EmbeddedEngine().begin(roster)


@pytest.mark.parametrize(
    ("orders", "complaint"), [({0: (9, 1)}, "kinds of orders"), ({1: (MOVE, np.nan, 3)}, "not finite")]
)
def test_bad_orders(orders, complaint):
    with pytest.raises(ValueError, match=complaint):
        Stage(*SKIRMISH).order(orders)


def test_bad_records_and_times():
    engine = EmbeddedEngine(map_size=MAP_SIZE)
    too_early = pytest.raises(RuntimeError, match=r"call begin\(\)")
    with too_early:
        engine.advance(8)
    with too_early:
        engine.order(orders_of())
    with too_early:
        engine.read(np.zeros((), UNITS))
    with pytest.raises(ValueError, match=r"interface\.ROSTER"):
        engine.begin(np.zeros(1, ROSTER))
    engine.begin(roster_of(SKIRMISH))
    with pytest.raises(ValueError, match=r"interface\.ORDERS"):
        engine.order(np.zeros((), UNITS))
    with pytest.raises(ValueError, match=r"interface\.UNITS"):
        engine.read(np.zeros((), ORDERS))
    with pytest.raises(ValueError, match="backwards"):
        engine.advance(-1)
