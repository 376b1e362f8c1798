"""Battles that a config describes itself: who defends, and who comes in which army."""

import numpy as np
import pytest

from dizoo_ext.check import check_env
from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.smac_multiarmy import SmacMultiArmyEnv, SmacMultiArmyVector

SMALL = dict(agents=dict(marine=3), armies=[dict(zealot=1)])
LARGE = dict(
    agents=dict(stalker=2, medivac=1, marine=1, marauder=1, zealot=1),
    armies=[dict(zealot=2), dict(stalker=1, zealot=1), dict(marine=1)],
)


def started(scenario, num_envs=4, **options):
    env = SmacMultiArmyVector(num_envs, scenario=scenario, **options)
    env.seed(range(num_envs))
    return env


def test_sizes_are_those_of_the_largest_scenario():
    spec = SmacMultiArmyVector(1, scenario=[SMALL, LARGE]).spec
    assert (spec.agents, spec.entities, spec.subtasks, spec.episode_limit) == (6, 11, 3, 150)


def test_the_most_units_count_not_the_most_types():
    spec = SmacMultiArmyVector(1, scenario=[dict(LARGE, agents=dict(stalker=1, zealot=1)), SMALL]).spec
    assert spec.agents == 3


def test_armies_are_those_that_were_asked_for():
    env = started([SMALL, LARGE])
    env.reset(index=1)
    assert {tuple(env.composition(i)) for i in range(4)} == {("zealot2", "zealot1 stalker1", "marine1")}
    env.reset(index=0)
    assert {tuple(env.composition(i)) for i in range(4)} == {("zealot1",)}
    env.reset(n_tasks=3)
    assert (env.matches["scenario"] == 1).all()
    with pytest.raises(ValueError, match=r"n_tasks must be one of \[1, 3\]"):
        env.reset(n_tasks=2)


def test_one_army_is_a_battle_without_a_base():
    assert not SmacMultiArmyVector(1, scenario=SMALL).rules["defends_base"][0]
    assert SmacMultiArmyVector(1, scenario=LARGE).rules["defends_base"][0]


@pytest.mark.parametrize("scenario", [SMALL, [SMALL, LARGE]])
def test_the_contract_holds(scenario):
    check_env(SmacMultiArmyEnv(dict(scenario=scenario, episode_limit=25)), episodes=1)


def test_units_without_shields_among_those_with_them_have_none():
    env = started(LARGE)
    observation = env.reset()
    generator = np.random.default_rng(0)
    bare = ~np.isin(env.matches["type"][:, :11], [0, 1])
    for _ in range(10):
        assert np.isfinite(observation["entities"]).all()
        assert (env.matches["shield"][:, :11][bare] == 0).all()
        observation = env.step(random_legal_actions(observation["action_mask"], generator)).observation


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        ([], "env.scenario must be a name, a dict such as dict"),
        (3, "env.scenario must be a name, a dict such as dict"),
        (["3m"], "env.scenario must be a name, a dict such as dict"),
        (dict(SMALL, enemies=2), "unknown config key env.scenario.enemies"),
        (dict(SMALL, army=[]), "did you mean env.scenario.armies"),
        (dict(agents=dict(marine=3)), "env.scenario.armies must be a list of 1 to 8 dicts.* got None"),
        (dict(SMALL, armies=2), "env.scenario.armies must be a list of 1 to 8 dicts"),
        (dict(SMALL, armies=[dict(zealot=1)] * 9), "env.scenario.armies must be a list of 1 to 8 dicts"),
        (dict(SMALL, armies=[dict(zealot=1), "zealot"]), r"env.scenario.armies\[1\] must be a dict of numbers by type"),
        (dict(SMALL, armies=[dict()]), r"env.scenario.armies\[0\] must be a dict of numbers by type"),
        (dict(SMALL, agents=dict(zealots=2)), "a type in env.scenario.agents must be one of .* did you mean 'zealot'"),
        (dict(SMALL, agents=dict(zealot=0)), "env.scenario.agents.zealot must be a number of units, at least 1, got 0"),
        (dict(SMALL, agents=dict(zealot=1.5)), "env.scenario.agents.zealot must be a number of units"),
        (dict(SMALL, agents=dict(zealot=64)), "env.scenario has 65 units, but a match holds at most 64"),
        ([dict(SMALL, agents=dict(marine=40)), dict(SMALL, armies=[dict(zealot=40)])], "at most 64 units"),
    ],
)
def test_impossible_scenarios_are_refused_in_one_line(scenario, message):
    with pytest.raises(ValueError, match=message) as refusal:
        SmacMultiArmyEnv(dict(scenario=scenario))
    assert "\n" not in str(refusal.value)
