"""The real engine, playing against the double, shows the same digits as the embedded engine."""

import numpy as np
import pytest
from embedded_engine import EmbeddedEngine
from random_battle import play

from dizoo_ext.smac_multiarmy.engine_interface import UNITS
from dizoo_ext.smac_multiarmy.sc2.engine import StarCraftEngine


@pytest.fixture
def engine(fighting_double):
    engine = StarCraftEngine(launch_spread=0)
    yield engine
    engine.close()


def assert_equal_traces(left, right):
    assert len(left) == len(right)
    for step, (a, b) in enumerate(zip(left, right, strict=True)):
        for field in UNITS.names:
            assert np.array_equal(a[field], b[field]), (step, field)


def test_battles_equal_to_the_last_digit(engine, fighting_double):
    deaths = 0
    # The double's battles have consecutive seeds, the first being the launch's.
    for seed in range(7, 13):
        trace = play(engine, seed)
        assert_equal_traces(trace, play(EmbeddedEngine(), seed))
        deaths += int(trace[0]["alive"].sum() - trace[-1]["alive"].sum())
    assert deaths > 5
    assert len(fighting_double.launches) == 1
