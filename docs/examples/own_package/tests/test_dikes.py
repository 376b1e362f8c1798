"""What to test in a package of one's own: the contract, and that the task asks for learning and can be solved."""

import numpy as np
from dikes.env import CELLS, EAST, MEND, WEST, DikesEnv, DikesVector

from dizoo_ext.check import check_env
from dizoo_ext.random_stream import random_legal_actions

EPISODES = 200


def share_solved(choose):
    """Of episodes played side by side by ``choose(observation)``, which returns joint actions (n, A)."""
    env, ids, solved = DikesVector(EPISODES), np.arange(EPISODES), 0.0
    env.seed(range(EPISODES))
    observation = env.reset()
    while len(ids):
        step = env.step(choose(observation), ids)
        solved += sum(metrics["solved"] for metrics in step.episode_info.values())
        ids = ids[~step.done]
        observation = {key: rows[~step.done] for key, rows in step.observation.items()}
    return solved / EPISODES


def walk_and_mend(observation):
    """Every agent walks to the breach that the heuristic allocates to it, and mends it."""
    cells = observation["entities"][..., -CELLS:].argmax(-1)
    allocation = observation["heuristic_allocation"]
    here, there = cells[:, :2], np.take_along_axis(cells[:, 2:], allocation, axis=1)
    return np.where(here < there, EAST, np.where(here > there, WEST, MEND))


def test_the_contract():
    check_env(DikesEnv(), episodes=10)


def test_a_random_team_fails():
    generator = np.random.default_rng(0)
    assert share_solved(lambda observation: random_legal_actions(observation["action_mask"], generator)) < 0.1


def test_a_scripted_team_succeeds():
    assert share_solved(walk_and_mend) > 0.95
