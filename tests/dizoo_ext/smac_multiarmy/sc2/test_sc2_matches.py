"""Whole matches on the real engine, through the environment."""

import numpy as np
import pytest
from embedded_engine import EmbeddedEngine

from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.smac_multiarmy.scenarios import SCENARIO_SETS
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector

PAPER_SETS = [name for name in SCENARIO_SETS if "maxarmies3" in name]
QUICK = ("6-8sz_maxsize4_maxarmies3_unitdisadvantage", "6-8MMM_maxsize4_maxarmies3_symmetric")
"""Both races and both balances of the paper's sets; the other two are these once more."""
EPISODES = 2


class SeededLikeTheDouble(EmbeddedEngine):
    """The protocol tells the game one seed when it is launched; the double's battles have that and the next ones."""

    def __init__(self):
        super().__init__()
        self._seed = None

    def begin(self, roster):
        self._seed = int(roster["seed"]) if self._seed is None else (self._seed + 1) % 2**32
        roster = roster.copy()
        roster["seed"] = self._seed
        super().begin(roster)


def play(seed, **options):
    """Everything that a user sees of some episodes of random legal actions."""
    env = SmacMultiArmyVector(1, **options)
    env.seed([seed])
    generator = np.random.default_rng(seed)
    seen = []
    for _ in range(EPISODES):
        observation = env.reset()
        seen.append(observation)
        done = False
        while not done:
            actions = random_legal_actions(observation["action_mask"][0], generator)
            step = env.step(actions[None])
            observation, done = step.observation, step.done[0]
            results = step._asdict()
            seen += [results.pop("observation"), results.pop("episode_info").get(0, {}), results]
    env.close()
    return seen


@pytest.mark.parametrize(
    "scenario", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in PAPER_SETS]
)
def test_matches_equal_those_on_the_embedded_engine(fighting_double, scenario):
    left = play(11, scenario=scenario, engine="sc2", sc2={"launch_spread": 0})
    right = play(11, scenario=scenario, engine=SeededLikeTheDouble)
    assert len(left) == len(right) > 20
    for a, b in zip(left, right, strict=True):
        assert a.keys() == b.keys()
        assert all(np.array_equal(a[key], b[key], equal_nan=True) for key in a)
    assert len(fighting_double.launches) == 1
