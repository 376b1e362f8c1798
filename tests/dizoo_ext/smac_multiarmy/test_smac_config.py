"""Sizes, defaults and refusals of the environment."""

import numpy as np
import pytest
from ding.utils import ENV_REGISTRY

from dizoo_ext.smac_multiarmy import SmacMultiArmyEnv, SmacMultiArmyVector
from dizoo_ext.smac_multiarmy.embedded.units import PROFILES, UNIT_NAMES
from dizoo_ext.smac_multiarmy.match import MAP_SIZE
from dizoo_ext.smac_multiarmy.scenarios import SCENARIO_SETS, scenario_set
from dizoo_ext.smac_multiarmy.settings import REWARD_CONFIG
from dizoo_ext.smac_multiarmy.teams import largest_team, team_size

SIZES = {
    "6-8sz_maxsize4_maxarmies3_symmetric": (39, 8, 8, 14, 42, 77.5),
    "6-8sz_maxsize4_maxarmies3_unitdisadvantage": (39, 8, 9, 15, 44, 86.0),
    "6-8MMM_maxsize4_maxarmies3_symmetric": (66, 8, 8, 22, 50, 46.5),
    "6-8MMM_maxsize4_maxarmies3_unitdisadvantage": (66, 8, 9, 23, 52, 49.25),
}


@pytest.mark.parametrize("name", SIZES)
def test_the_papers_sets(name):
    count, agents, enemies, actions, features, scale = SIZES[name]
    env = SmacMultiArmyVector(1, scenario=name)
    assert len(env.scenarios.scenarios) == count
    spec = env.spec
    assert (spec.agents, spec.entities - spec.agents) == (agents, enemies)
    assert (spec.actions, spec.features, spec.subtasks, spec.episode_limit) == (actions, features, 3, 150)
    assert env.rules["scale"][0] == scale


@pytest.mark.parametrize("name", SCENARIO_SETS)
def test_every_set_fits_its_sizes(name):
    scenarios = scenario_set(name)
    allies, enemies = scenarios.largest
    for one, other in scenarios.scenarios:
        assert 1 <= team_size(one) <= team_size(allies) and 1 <= team_size(other) <= team_size(enemies)
        assert all(kind in UNIT_NAMES for _, kind in one + other)
    for index in range(len(scenarios.scenarios)):
        assert len(scenarios.possible_armies(index)) >= 1


def test_the_largest_team_has_the_most_types_first():
    assert largest_team([((9, "marine"),), ((1, "marine"), (1, "medivac")), ((1, "zealot"), (1, "stalker"))]) == (
        (1, "marine"),
        (1, "medivac"),
    )


def test_defaults_are_the_papers_and_it_is_registered():
    env = ENV_REGISTRY.build("smac_multiarmy", {})
    assert isinstance(env, SmacMultiArmyEnv)
    rules = env._vector_env.rules[0]
    assert (rules["win"], rules["death_value"], rules["sight"]) == (200, 10, 28)
    assert not rules["reference_accounts"] and rules["random_tags"] and rules["spreads_armies"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_has_the_same_rewards(profile):
    assert SmacMultiArmyVector(1, unit_profile=profile).rules["scale"][0] == 77.5


@pytest.mark.parametrize(
    ("config", "error", "message"),
    [
        ({"scenario": "2s3"}, ValueError, "did you mean '2s3z'"),
        ({"scenario": "6-8sz_maxsize4_maxarmies3_symetric"}, ValueError, "did you mean '6-8sz_.*_symmetric'"),
        ({"scenarios": "3m"}, ValueError, "did you mean env.scenario?"),
        ({"engine": "embeded"}, ValueError, "did you mean 'embedded'"),
        ({"unit_profile": "hots"}, ValueError, "env.unit_profile must be one of"),
        ({"illegal_action": "stop"}, ValueError, "env.illegal_action must be one of"),
        ({"reward_config": {"wins": 1.0}}, ValueError, "did you mean env.reward_config.win?"),
        ({"reward_config": {"win": "much"}}, TypeError, "env.reward_config.win must be of type float"),
        ({"reward_config": {"scale_rate": 0.0}}, ValueError, "both must be positive"),
        ({"episode_limit": 0}, ValueError, "env.episode_limit must lie in"),
        ({"episode_limit": 10.5}, TypeError, "env.episode_limit must be None or of type int"),
        ({"random_tags": "no"}, TypeError, "env.random_tags must be None or of type bool"),
        ({"test_scenarios": [39]}, ValueError, "rows 0 to 38"),
        ({"test_scenarios": []}, ValueError, "some, but not all"),
        ({"spread_armies": 1}, TypeError, "env.spread_armies must be of type bool"),
        ({"engine": "sc2", "sc2": {"version": "4.10"}}, ValueError, "unknown config key env.sc2.version"),
        ({"sc2": {"realtime": True}}, ValueError, "is for env.engine = 'sc2', the real game"),
    ],
)
def test_mistakes_are_named(config, error, message):
    with pytest.raises(error, match=message):
        SmacMultiArmyEnv(config)


def test_the_real_game_plays_one_environment_per_process():
    with pytest.raises(ValueError, match=r"one game per process, got 2.*'subprocess'"):
        SmacMultiArmyVector(2, engine="sc2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(index=39), "one of the 39 scenarios"),
        (dict(index=-1), "one of the 39 scenarios"),
        (dict(n_tasks=4), r"must be one of \[2, 3\]"),
        (dict(index=1, n_tasks=2), "not both"),
        (dict(ids=[1]), r"must lie in \[0, 1\)"),
    ],
)
def test_impossible_resets_are_refused(options, message):
    env = SmacMultiArmyVector(1)
    env.seed([0])
    with pytest.raises(ValueError, match=message):
        env.reset(**options)


def test_a_reset_needs_a_seed_and_a_step_needs_a_reset():
    env = SmacMultiArmyVector(2)
    with pytest.raises(RuntimeError, match="seed environments"):
        env.reset()
    env.seed([0, 1])
    with pytest.raises(RuntimeError, match="environment 0 has no running episode"):
        env.step(np.ones((2, 8), int))


@pytest.mark.parametrize(
    ("actions", "message"), [(np.ones((1, 7), int), r"shape \(1, 8\)"), (np.ones((1, 8)), "integers")]
)
def test_actions_of_a_wrong_shape_or_type_are_refused(actions, message):
    env = SmacMultiArmyVector(1)
    env.seed([0])
    env.reset()
    with pytest.raises(ValueError, match=message):
        env.step(actions)


def test_the_reward_block_is_complete():
    rules = SmacMultiArmyVector(1, reward_config={"win": 100, "defeat": -7.0}).rules[0]
    assert rules["win"] == 100 and rules["defeat"] == -7
    assert rules["scale"] == (1550 - 100) / REWARD_CONFIG["scale_rate"]


def test_coordinates_say_where_living_units_are():
    env = SmacMultiArmyVector(4, scenario="6-8MMM_maxsize4_maxarmies3_symmetric")
    env.seed(range(4))
    seen = env.reset()
    shown, alive = seen["entities"][..., env.spec.coordinates], seen["entity_mask"]
    match = env.matches[0]
    here = np.flatnonzero(alive[0, : env.spec.agents])
    place = np.stack([match["x"], match["y"]], -1)[here]
    differences = shown[0, here] - shown[0, here[0]]
    np.testing.assert_allclose(differences * MAP_SIZE, place - place[0], atol=1e-4)
