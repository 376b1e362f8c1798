"""A StarCraft II that crashes, freezes or talks nonsense costs a battle, never the engine."""

import signal
import time

import numpy as np
import pytest
from embedded_engine import EmbeddedEngine
from random_battle import play, roster

from dizoo_ext.smac_multiarmy.engine_interface import ENEMY, MOVE, ORDERS, UNITS
from dizoo_ext.smac_multiarmy.sc2 import engine as sc2
from dizoo_ext.smac_multiarmy.sc2.engine import StarCraftEngine
from dizoo_ext.smac_multiarmy.sc2.game_lost import GameLost

SEED = 5
IN_TIME = 30
"""Seconds, far above the time limits set here and below the default ones, so that a busy machine fails no test."""


@pytest.fixture
def faults(monkeypatch):
    """Sets a switch of the double."""
    return lambda name, value: monkeypatch.setenv(f"SC2_DOUBLE_{name}", str(value))


@pytest.fixture
def make_engine(double):
    engines = []

    def make(**options):
        engines.append(StarCraftEngine(**{"launch_spread": 0, "request_timeout": 20, **options}))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def assert_plays_well(engine):
    first, *_, last = play(engine, SEED, steps=5)
    assert last["alive"].sum() == first["alive"].sum() == roster(SEED)["units"]


def assert_plays_like_the_embedded_engine(engine):
    left, right = play(engine, SEED, steps=5), play(EmbeddedEngine(), SEED, steps=5)
    assert all(np.array_equal(a[field], b[field]) for a, b in zip(left, right, strict=True) for field in UNITS.names)


def test_a_crash_costs_the_battle_and_the_next_one_has_a_new_game(make_engine, fighting_double, faults):
    faults("DIE_AFTER_STEPS", 6)
    faults("FAULTY_LAUNCHES", 1)
    engine = make_engine()
    with pytest.raises(GameLost, match="'step'"):
        play(engine, SEED)
    assert fighting_double.wait_until_gone() == {}
    with pytest.raises(GameLost, match="begin a battle first"):
        engine.advance(8)
    assert_plays_like_the_embedded_engine(engine)
    assert len(fighting_double.launches) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_and_a_frozen_game_are_lost_in_time(make_engine, double, number):
    engine = make_engine(request_timeout=2)
    engine.begin(roster(SEED))
    double.signal_games(number)
    start = time.monotonic()
    with pytest.raises(GameLost):
        engine.advance(8)
    assert time.monotonic() - start < IN_TIME
    assert double.wait_until_gone() == {}
    assert_plays_well(engine)


def test_a_game_that_was_lost_between_two_battles_is_replaced_in_silence(make_engine, double):
    engine = make_engine()
    engine.begin(roster(SEED))
    double.signal_games(signal.SIGKILL)
    assert_plays_well(engine)
    assert len(double.launches) == 2


def test_a_hung_game_is_lost_in_time(make_engine, double, faults):
    faults("HANG_AFTER_STEPS", 3)
    engine = make_engine(request_timeout=2)
    start = time.monotonic()
    with pytest.raises(GameLost, match="within 2 s"):
        play(engine, SEED)
    assert time.monotonic() - start < IN_TIME


@pytest.mark.parametrize(("fault", "request_number"), [("ERROR", 1), ("NONSENSE", 6)])
def test_a_bad_answer_during_a_launch_leads_to_another_launch(make_engine, double, faults, fault, request_number):
    faults(f"{fault}_AT_REQUEST", request_number)
    faults("FAULTY_LAUNCHES", 1)
    engine = make_engine()
    engine.begin(roster(SEED))
    assert len(double.launches) == 2


@pytest.mark.parametrize(("fault", "request_number"), [("ERROR", 12), ("NONSENSE", 13), ("WRONG_NAME", 14)])
def test_a_bad_answer_during_a_battle_costs_it(make_engine, double, faults, fault, request_number):
    faults(f"{fault}_AT_REQUEST", request_number)
    engine = make_engine(launch_attempts=1)
    with pytest.raises(GameLost, match=r"(?s)StarCraft II (did not answer|answered|shows)"):
        play(engine, SEED)


def test_launches_end_after_some_attempts(make_engine, double, faults):
    faults("DIE_AFTER_STEPS", 0)
    with pytest.raises(GameLost, match="gave up after launching StarCraft II 2 times"):
        make_engine(launch_attempts=2).begin(roster(SEED))
    assert len(double.launches) == 2


def test_a_game_that_does_not_listen_is_lost_in_time(make_engine, double, faults):
    faults("START_SECONDS", 60)
    start = time.monotonic()
    with pytest.raises(GameLost, match="did not listen within 1"):
        make_engine(launch_attempts=1, launch_timeout=1).begin(roster(SEED))
    assert time.monotonic() - start < IN_TIME


@pytest.mark.parametrize("switches", [{"FIRST_RL_ID": 1970}, {"FIRST_RL_ID": 1970, "NAMELESS": 1}])
def test_own_units_are_found_in_other_versions(make_engine, faults, fighting_double, switches):
    for name, value in switches.items():
        faults(name, value)
    assert_plays_like_the_embedded_engine(make_engine())


def test_units_that_come_late_are_waited_for(make_engine, faults, double):
    faults("LATE_UNITS", 3)
    engine = make_engine()
    engine.begin(roster(SEED))
    seen = np.zeros((), dtype=UNITS)
    engine.read(seen)
    assert seen["alive"].sum() == roster(SEED)["units"]
    assert len(double.launches) == 1


def test_units_that_never_come_are_reported(make_engine, faults):
    faults("LATE_UNITS", 1000)
    with pytest.raises(GameLost, match=r"shows \d+ units \(0 of unknown types\) where \d+ were created"):
        make_engine(launch_attempts=1).begin(roster(SEED))


@pytest.mark.parametrize("control", ["set", "toggle", "inverted"])
def test_enemies_obey_whatever_a_second_request_for_control_does(make_engine, faults, fighting_double, control):
    faults("CONTROL", control)
    engine = make_engine()
    for seed in (SEED, SEED + 1):
        record = roster(seed)
        engine.begin(record)
        engine.advance(4)
        enemies = np.flatnonzero(record["owner"][: record["units"]] == ENEMY)
        before, after = np.zeros((), dtype=UNITS), np.zeros((), dtype=UNITS)
        engine.read(before)
        orders = np.zeros((), dtype=ORDERS)
        orders["health"][:] = orders["shield"][:] = np.nan
        orders["kind"][enemies] = MOVE
        engine.order(orders)
        engine.advance(16)
        engine.read(after)
        way = np.hypot(before["x"], before["y"]) - np.hypot(after["x"], after["y"])
        assert (way[enemies] > 1.5).all()


def test_an_old_game_is_replaced_before_a_spawn(make_engine, double, monkeypatch):
    monkeypatch.setattr(sc2, "RELAUNCH_LOOPS", 60)
    engine = make_engine()
    play(engine, SEED, steps=2)
    play(engine, SEED, steps=6)
    assert len(double.launches) == 1
    assert_plays_well(engine)
    assert len(double.launches) == 2


def test_an_interrupt_in_the_middle_of_a_request_leaves_no_stale_answer(make_engine, double, faults):
    faults("REQUEST_SECONDS", 0.2)
    engine = make_engine()
    engine.begin(roster(SEED))

    def interrupt(number, frame):
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            engine.advance(8)
    finally:
        signal.signal(signal.SIGALRM, previous)
    faults("REQUEST_SECONDS", 0)
    assert_plays_well(engine)
    assert len(double.launches) == 2
