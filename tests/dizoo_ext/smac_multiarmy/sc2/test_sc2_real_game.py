"""The engine against a real StarCraft II; runs where ``SC2PATH`` is set. ``--log-level=INFO -rP`` shows its weapons."""

import os

import numpy as np
import pytest
from random_battle import CENTRE, roster

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ENEMY, KEEP, MOVE, ORDERS, SCAN_MOVE, STOP, UNITS
from dizoo_ext.smac_multiarmy.sc2.engine import StarCraftEngine

pytestmark = pytest.mark.skipif("SC2PATH" not in os.environ, reason="SC2PATH is not set: no StarCraft II to test with")

SEEDS = (2, 7)
"""Rosters of Zealots and Stalkers, and of Marines, Marauders and Medivacs."""
TABLE = unit_table()


@pytest.fixture(scope="module")
def engine():
    engine = StarCraftEngine(launch_spread=0)
    yield engine
    engine.close()


@pytest.fixture(params=SEEDS)
def battle(engine, request):
    """An engine in which a battle has begun, and the roster's living part."""
    record = roster(request.param)
    enemies = record["owner"] == ENEMY
    for field in ("x", "y"):
        # Too far off to be seen or shot at.
        record[field][enemies] += 0.5 * (record[field][enemies] - CENTRE)
    engine.begin(record)
    engine.advance(4)
    return engine, {field: record[field][: record["units"]] for field in ("type", "owner", "x", "y")}


def look(engine):
    units = np.zeros((), dtype=UNITS)
    engine.read(units)
    return units


def give(engine, **columns):
    orders = np.zeros((), dtype=ORDERS)
    orders["kind"] = KEEP
    orders["health"][:] = orders["shield"][:] = np.nan
    for field, values in columns.items():
        orders[field][: len(values)] = values
    engine.order(orders)


def test_the_rosters_are_what_they_should_be():
    names = [{UNIT_NAMES[kind] for kind in roster(seed)["type"][: roster(seed)["units"]]} for seed in SEEDS]
    assert names == [{"zealot", "stalker"}, {"marine", "marauder", "medivac"}]


def test_units_appear_on_their_points_with_the_bodies_of_the_unit_table(battle):
    engine, units = battle
    seen = look(engine)
    number = len(units["type"])
    assert seen["alive"].sum() == number
    assert np.allclose(seen["health"][:number], TABLE["health"][units["type"]])
    assert np.allclose(seen["shield"][:number], TABLE["shield"][units["type"]])
    assert (np.hypot(seen["x"][:number] - units["x"], seen["y"][:number] - units["y"]) < 4).all()


def test_allies_stand_still_without_an_order(battle):
    engine, units = battle
    before = look(engine)
    engine.advance(16)
    after = look(engine)
    allies = units["owner"] == ALLY
    moved = np.hypot(after["x"] - before["x"], after["y"] - before["y"])[: len(allies)]
    assert (moved[allies] < 1).all()


def test_enemies_obey(battle):
    engine, units = battle
    enemies = units["owner"] == ENEMY
    is_healer = TABLE["heal"][units["type"]] > 0
    before = look(engine)
    give(engine, kind=np.where(enemies, np.where(is_healer, SCAN_MOVE, MOVE), KEEP))
    engine.advance(16)
    after = look(engine)
    way = (np.hypot(before["x"], before["y"]) - np.hypot(after["x"], after["y"]))[: len(enemies)]
    assert (way[enemies] > 1).all()


def test_health_can_be_set(battle):
    engine, units = battle
    number = len(units["type"])
    give(engine, kind=[STOP] * number, health=[20.0] * number)
    engine.advance(1)
    assert np.allclose(look(engine)["health"][:number], 20, atol=1)
