"""Who shares a trajectory with whom, on a board laid out by hand."""

import numpy as np
import pytest

from dizoo_ext.lux.settings import LuxSettings
from dizoo_ext.lux.trajectories import RULES, member_trajectories
from dizoo_ext.lux.view import View

SETTINGS = LuxSettings(map_size=12, min_factories=1, max_factories=2, max_units=4)
# (team, slot, heavy, x, y): two heavies in opposite corners, a light unit by each, and one of the enemy's.
UNITS = [(0, 2, 1, 0, 0), (0, 3, 0, 1, 2), (0, 4, 1, 11, 11), (0, 5, 0, 8, 10), (1, 2, 1, 1, 1)]
FACTORIES = [(0, 0, 10, 2), (0, 1, 2, 9), (1, 0, 1, 2)]


@pytest.fixture
def view():
    units = np.zeros((len(UNITS), 8), np.int64)
    units[:, :5] = UNITS
    factories = np.zeros((len(FACTORIES), 11), np.int64)
    factories[:, :4] = FACTORIES
    board = np.zeros((12, 12), np.int64)
    return View(0, units, factories, board, board, board, board, board, np.zeros(2, np.int64))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("entity", [0, 1, 2, 3, 4, 5]),
        ("single", [0, 0, 0, 0, 0, 0]),
        ("kind", [0, 0, 1, 1, 1, 1]),
        ("global_factories", [0, 0, 2, 3, 4, 5]),
        ("unit_trajectories", [0, 1, 2, 3, 2, 3]),
        ("quadrants", [0, 1, 2, 2, 5, 5]),
        ("closest_factory", [0, 1, 1, 1, 0, 1]),
        ("closest_heavy", [0, 1, 2, 2, 4, 4]),
    ],
)
def test_rules(view, rule, expected):
    assert member_trajectories(view, 1, SETTINGS, rule, unit_trajectories=2)[0].tolist() == expected


@pytest.mark.parametrize("rule", RULES)
def test_groups_are_slots_for_both_teams_and_without_units(view, rule):
    for shown in (view, view._replace(units=view.units[:0], factories=view.factories[:0])):
        trajectories = member_trajectories(shown, 2, SETTINGS, rule, unit_trajectories=3)
        assert trajectories.shape == (2, 6) and trajectories.dtype == np.int64
        assert trajectories.min() >= 0 and trajectories.max() < 6
