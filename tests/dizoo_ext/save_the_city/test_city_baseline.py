"""Hand-made play scores what the reference scored, within three standard errors of both samples."""

import math

import numpy as np
import pytest

from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.save_the_city.baseline import play_baseline
from dizoo_ext.save_the_city.vector import SaveTheCityVector

EPISODES = 500
REFERENCE_EPISODES = 500


def batch(**options) -> SaveTheCityVector:
    return SaveTheCityVector(100, observation="entities", **options)


@pytest.mark.parametrize(
    ("options", "allocation", "period", "solved"),
    [
        ({}, "heuristic", 5, 0.492),
        ({}, "heuristic", 1, 0.562),
        ({}, "coverage", 5, 0.772),
        ({}, "random", 5, 0.032),
        ({"scenario": "2-8a_2-8b"}, "coverage", 5, 0.742),
        ({"scenario": "2-8a_2-8b_sim_Q1", "is_test": True}, "heuristic", 5, 0.076),
        ({"scenario": "infinite"}, "heuristic", 5, 0.450),
    ],
)
def test_solve_rates_of_the_reference(options, allocation, period, solved):
    metrics = play_baseline(batch(**options), allocation, period, EPISODES, seed=11)
    error = math.sqrt(solved * (1 - solved) * (1 / EPISODES + 1 / REFERENCE_EPISODES))
    assert metrics["solved"] == pytest.approx(solved, abs=3 * error)


def test_random_play_solves_nothing_and_returns_what_the_reference_returned():
    env = batch()
    env.seed(range(100))
    action_mask = env.reset()["action_mask"]
    generator = np.random.default_rng(0)
    finished = []
    while len(finished) < 500:
        step = env.step(random_legal_actions(action_mask, generator))
        action_mask = step.observation["action_mask"]
        finished.extend(step.episode_info.values())
        if step.episode_info:
            ended = list(step.episode_info)
            action_mask[ended] = env.reset(ended)["action_mask"]
    returns = np.array([info["return"] for info in finished])
    assert sum(info["solved"] for info in finished) == 0
    assert returns.mean() == pytest.approx(-43.4, abs=3 * 10.8 * math.sqrt(2 / 500))


def test_exactly_the_wanted_episodes_are_played_whatever_the_batch():
    few = SaveTheCityVector(4, scenario=["BF"], observation="entities")
    metrics = play_baseline(few, episodes=6, seed=2)
    lengths = []
    for row, episodes in enumerate((2, 2, 1, 1)):
        alone = SaveTheCityVector(1, scenario=["BF"], observation="entities")
        lengths.append(episodes * play_baseline(alone, episodes=episodes, seed=2 + row)["episode_length"])
    assert metrics["episode_length"] == pytest.approx(sum(lengths) / 6)


def test_an_unknown_allocation_is_refused():
    with pytest.raises(ValueError, match="did you mean 'heuristic'"):
        play_baseline(batch(), "heuristics")
