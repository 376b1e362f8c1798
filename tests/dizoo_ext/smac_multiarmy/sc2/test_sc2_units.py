"""A roster and its orders in the game's terms."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dizoo_ext.smac_multiarmy.embedded.units import RL_CATALOGUE, UNIT_NAMES, rl_name
from dizoo_ext.smac_multiarmy.engine_interface import (
    ALLY,
    ATTACK,
    ATTACK_MOVE,
    ENEMY,
    HEAL,
    KEEP,
    MOVE,
    ORDERS,
    ROSTER,
    SCAN_MOVE,
    STOP,
)
from dizoo_ext.smac_multiarmy.sc2.unit_ids import unit_ids
from dizoo_ext.smac_multiarmy.sc2.unit_orders import Command, Vital, commands, vitals
from dizoo_ext.smac_multiarmy.sc2.unit_slots import Creation, creations, tags_of_slots

STALKER, ZEALOT, MEDIVAC = (UNIT_NAMES.index(name) for name in ("stalker", "zealot", "medivac"))
RL_IDS_OF_BUILD_69232 = dict(marauder=1938, marine=1939, medivac=1940, stalker=1941, zealot=1942)


def make_roster(units):
    record = np.zeros((), dtype=ROSTER)
    record["units"] = len(units)
    for slot, values in enumerate(units):
        for field, value in zip(("type", "owner", "x", "y"), values, strict=True):
            record[field][slot] = value
    return record


def make_orders(kinds, **columns):
    record = np.zeros((), dtype=ORDERS)
    record["health"][:] = record["shield"][:] = np.nan
    record["kind"][: len(kinds)] = kinds
    for field, values in columns.items():
        record[field][: len(values)] = values
    return record


def catalogue(first, named=True):
    names = dict.fromkeys(range(first), "")
    return names | {first + k: rl_name(unit) if named else "" for k, unit in enumerate(RL_CATALOGUE)}


def test_neighbours_on_one_point_are_created_together_in_order():
    units = [
        *[(ZEALOT, ALLY, 1, 2)] * 2,
        (ZEALOT, ALLY, 1, 3),
        (STALKER, ALLY, 1, 3),
        (STALKER, ENEMY, 1, 3),
        (ZEALOT, ALLY, 1, 2),
    ]
    assert creations(make_roster(units)) == [
        Creation(ZEALOT, ALLY, 1, 2, 2),
        Creation(ZEALOT, ALLY, 1, 3, 1),
        Creation(STALKER, ALLY, 1, 3, 1),
        Creation(STALKER, ENEMY, 1, 3, 1),
        Creation(ZEALOT, ALLY, 1, 2, 1),
    ]


@given(st.data())
def test_slots_find_their_units_whatever_order_the_game_shows_them_in(data):
    points = [(4.0, 4.0), (28.0, 4.0), (16.0, 28.0), (16.0, 16.0)]
    unit = st.tuples(st.integers(0, len(UNIT_NAMES) - 1), st.sampled_from([ALLY, ENEMY]), st.sampled_from(points))
    units = data.draw(st.lists(unit, min_size=1, max_size=20))
    roster = make_roster([(kind, owner, *point) for kind, owner, point in units])
    offsets = st.floats(-3, 3)
    seen = [
        (slot, kind, owner, x + data.draw(offsets), y + data.draw(offsets))
        for slot, (kind, owner, (x, y)) in enumerate(units, start=100)
    ]
    shown = data.draw(st.permutations(seen))
    assert tags_of_slots(roster, shown) == [*range(100, 100 + len(units))]
    if len(shown) > 1:
        assert tags_of_slots(roster, shown[1:]) is None
    assert tags_of_slots(roster, [*shown, (1, -1, ALLY, 0.0, 0.0)]) is None


def test_a_full_point_sends_the_farther_unit_on():
    roster = make_roster([(ZEALOT, ALLY, 0, 0), (ZEALOT, ALLY, 10, 0)])
    assert tags_of_slots(roster, [(1, ZEALOT, ALLY, 4.0, 0.0), (2, ZEALOT, ALLY, 1.0, 0.0)]) == [2, 1]


def test_each_ally_gets_its_own_command_and_an_army_shares_one():
    roster = make_roster(
        [(STALKER, ALLY, 0, 0)] * 2
        + [(ZEALOT, ENEMY, 5, 5), (STALKER, ENEMY, 5, 5), (MEDIVAC, ENEMY, 5, 5), (ZEALOT, ENEMY, 9, 9)]
    )
    orders = make_orders(
        [MOVE, MOVE, ATTACK_MOVE, ATTACK_MOVE, SCAN_MOVE, ATTACK_MOVE], x=[1.5] * 6, y=[2.5] * 6, target=[-1] * 6
    )
    tags = [10, 11, 12, 13, 14, 15]
    assert commands(orders, roster, tags, np.ones(6, dtype=bool)) == [
        Command(ALLY, 16, (1.5, 2.5), None, [10]),
        Command(ALLY, 16, (1.5, 2.5), None, [11]),
        Command(ENEMY, 23, (1.5, 2.5), None, [12, 13]),
        Command(ENEMY, 19, (1.5, 2.5), None, [14]),
        Command(ENEMY, 23, (1.5, 2.5), None, [15]),
    ]


def test_orders_on_units_name_them_and_the_dead_get_none():
    roster = make_roster([(STALKER, ALLY, 0, 0)] * 6)
    orders = make_orders([ATTACK, HEAL, STOP, KEEP, STOP, ATTACK], target=[4, 0, -1, -1, -1, -1])
    alive = np.array([True, True, True, True, False, True])
    assert commands(orders, roster, [10, 11, 12, 13, 14, 15], alive) == [
        Command(ALLY, 23, None, 14, [10]),
        Command(ALLY, 386, None, 10, [11]),
        Command(ALLY, 4, None, None, [12]),
    ]


def test_only_the_livings_new_vitals_are_sent():
    orders = make_orders([KEEP] * 3, health=[np.nan, 3.5, 7], shield=[1, np.nan, 8])
    alive = np.array([True, True, False])
    assert vitals(orders, [10, 11, 12], alive) == [Vital("health", 11, 3.5), Vital("shield", 10, 1.0)]


@pytest.mark.parametrize("first", [1935, 1970])
@pytest.mark.parametrize("named", [True, False])
def test_own_units_are_found_by_name_or_as_the_last_of_the_catalogue(first, named):
    ids = unit_ids(catalogue(first, named))
    shift = first - 1935
    for name, number in RL_IDS_OF_BUILD_69232.items():
        assert ids[ALLY, UNIT_NAMES.index(name)] == number + shift
    assert ids[ENEMY, ZEALOT] == 73


def test_names_count_more_than_places():
    names = catalogue(1935) | {5000: "Stalker_RL", 1941: "Other"}
    assert unit_ids(names)[ALLY, STALKER] == 5000


def test_a_strange_catalogue_is_reported(caplog):
    with caplog.at_level(logging.WARNING):
        ids = unit_ids({1: "Probe"})
    assert ids[ALLY, STALKER] == 1941
    assert "game build 69232" in caplog.text
