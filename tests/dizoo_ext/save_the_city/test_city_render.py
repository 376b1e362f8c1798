"""Pictures of cities."""

import itertools

import numpy as np
from city_stage import stage

from dizoo_ext.save_the_city.vector import SaveTheCityVector


def test_every_scenario_is_drawn_without_a_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    for scenario in ("2-5a_2-5b", "24a_24b", "infinite"):
        env = SaveTheCityVector(2, scenario=scenario, observation="entities")
        env.seed([0, 1])
        allocation = env.reset()["heuristic_allocation"][1]
        for lines in (None, allocation, np.full_like(allocation, -1)):
            image = env.render(1, lines)
            assert image.shape == (480, 480, 3)
            assert image.dtype == np.uint8


def test_the_picture_shows_what_changes():
    env = stage("BFG", fire=0.0)
    pictures = [env.render()]
    for name, value in (("fire", 1.0), ("health", 0.9), ("health", 0.0), ("health", 1.0)):
        env.cities["fire"][0, 0] = 0.0
        env.cities[name][0, 0] = value
        pictures.append(env.render())
    for name, value in (("agent_x", 9), ("last_action", 9), ("t", 3)):
        env.cities[name][0] = value
        pictures.append(env.render())
    pictures.append(env.render(0, np.array([1, 2, -1])))
    for earlier, later in itertools.pairwise(pictures):
        assert (earlier != later).any()
    np.testing.assert_array_equal(env.render(), env.render())
