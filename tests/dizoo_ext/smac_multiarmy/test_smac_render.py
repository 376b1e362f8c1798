"""Pictures of battles: nobody is hidden, health can be read, and a legend says who is who."""

import numpy as np
import pytest

from dizoo_ext.smac_multiarmy.render import HEIGHT, WIDTH
from dizoo_ext.smac_multiarmy.unit_places import TOLERANCE, spread
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector
from dizoo_ext.subtask_colours import SUBTASK_COLOURS

LOW, HIGH = np.zeros(2), np.full(2, 100.0)
RED = (205, 45, 40)
LEGEND = HEIGHT - 60


@pytest.fixture
def env():
    env = SmacMultiArmyVector(1)
    env.seed([0])
    env.reset()
    return env


def pixels(picture, colour):
    return int((picture == colour).all(-1).sum())


def least_distance(places):
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    return distances[~np.eye(len(places), dtype=bool)].min()


@pytest.mark.parametrize("scatter", [0.0, 0.5, 5.0])
def test_a_crowd_is_spread(scatter):
    crowd = 50 + scatter * np.random.default_rng(0).normal(size=(30, 2))
    places = spread(crowd, 3.0, LOW, HIGH)
    assert least_distance(places) >= (2 - TOLERANCE) * 3
    assert np.linalg.norm(places - 50, axis=-1).max() < 25
    np.testing.assert_array_equal(places, spread(crowd, 3.0, LOW, HIGH))


def test_a_crowd_in_a_corner_stays_in_the_picture():
    places = spread(np.zeros((10, 2)), 3.0, LOW, HIGH)
    assert (places >= LOW).all() and (places <= HIGH).all() and least_distance(places) > 5


def test_who_overlaps_nobody_stays():
    apart = np.array([[10.0, 10.0], [90.0, 20.0], [50.0, 50.0], [51.0, 50.0]])
    places = spread(apart, 3.0, LOW, HIGH)
    np.testing.assert_array_equal(places[:2], apart[:2])
    assert places[3, 0] - places[2, 0] >= (2 - TOLERANCE) * 3
    assert spread(np.zeros((0, 2)), 3.0, LOW, HIGH).shape == (0, 2)


def test_units_at_one_point_are_all_seen(env):
    match = env.matches[0]
    units = int(match["agents"] + match["enemies"])
    match["x"][:units], match["y"][:units] = 16.0, 16.0
    picture = env.render()[:LEGEND]
    for army in range(int(match["armies"])):
        size = int((match["army"][:units] == army).sum())
        assert pixels(picture, SUBTASK_COLOURS[army]) > 60 * size


def test_low_health_is_red_and_never_an_empty_bar(env):
    assert pixels(env.render(), RED) == 0
    match = env.matches[0]
    full = float(match["health"][0])
    match["health"][0] = 1e-3
    least = pixels(env.render(), RED)
    match["health"][0] = 0.3 * full
    assert 0 < least < pixels(env.render(), RED)


def test_the_legend_counts_the_living(env):
    match = env.matches[0]
    before = env.render()
    for army in range(int(match["armies"])):
        assert pixels(before[LEGEND:], SUBTASK_COLOURS[army]) > 40
    match["alive"][int(match["agents"])] = 0
    after = env.render()
    assert (after[LEGEND:] != before[LEGEND:]).any()
    assert after.shape == before.shape == (HEIGHT, WIDTH, 3)
