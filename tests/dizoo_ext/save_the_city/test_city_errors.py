"""Mistakes are refused at once, with a message that helps."""

import numpy as np
import pytest

from dizoo_ext.save_the_city.env import SaveTheCityEnv
from dizoo_ext.save_the_city.scenarios import scenario_set
from dizoo_ext.save_the_city.vector import SaveTheCityVector


def started(num_envs: int = 2, **options) -> SaveTheCityVector:
    env = SaveTheCityVector(num_envs, scenario=["BF"], observation="entities", **options)
    env.seed(range(num_envs))
    env.reset()
    return env


def test_an_illegal_action_is_named_and_changes_nothing():
    env = started()
    env.cities["agent_x"][1, 0], env.cities["agent_y"][1, 0] = 15, 0
    env.refresh()
    before = env.cities.copy()
    with pytest.raises(ValueError, match=r"environment 1, agent 0: action 2 \(east\).*allowed are 0 \(stay\), 1"):
        env.step(np.array([[0, 0], [2, 0]]))
    assert (env.cities == before).all()


def test_an_illegal_action_may_be_played_as_staying():
    env = started(illegal_action="noop")
    positions = env.cities["agent_x"].copy()
    env.step(np.array([[11, 8], [11, 8]]))
    np.testing.assert_array_equal(env.cities["agent_x"], positions)
    assert (env.cities["last_action"][:, :2] == 0).all()
    with pytest.raises(ValueError, match="action 12 does not exist, actions are 0 to 11"):
        env.step(np.array([[0, 0], [0, 12]]))


@pytest.mark.parametrize("action", [-1, 12])
def test_an_action_out_of_range_is_named(action):
    with pytest.raises(ValueError, match=f"environment 0, agent 1: action {action} does not exist"):
        started().step(np.array([[0, action], [0, 0]]))


@pytest.mark.parametrize(
    ("actions", "message"),
    [(np.zeros((2, 3), int), r"shape \(2, 2\)"), (np.zeros(2, int), r"shape \(2, 2\)"), (np.zeros((2, 2)), "integers")],
)
def test_actions_of_a_wrong_shape_or_type_are_refused(actions, message):
    with pytest.raises(ValueError, match=message):
        started().step(actions)


def test_stepping_before_a_reset_or_after_the_end_is_refused():
    env = SaveTheCityVector(1, scenario=["BF"], episode_limit=1)
    env.seed([0])
    with pytest.raises(RuntimeError, match="environment 0 has no running episode; reset it"):
        env.step(np.zeros((1, 2), int))
    env.reset()
    assert env.step(np.zeros((1, 2), int)).done[0]
    with pytest.raises(RuntimeError, match="environment 0 has no running episode; reset it"):
        env.step(np.zeros((1, 2), int))
    env.reset()
    env.step(np.zeros((1, 2), int))


def test_resetting_without_a_seed_is_refused():
    env = SaveTheCityVector(2)
    env.seed([0], ids=[1])
    env.reset(ids=[1])
    with pytest.raises(RuntimeError, match=r"seed environments \[0\]"):
        env.reset()


@pytest.mark.parametrize("ids", [[0, 0], [2], [-1], [[0]]])
def test_wrong_ids_are_refused(ids):
    with pytest.raises(ValueError, match="ids must"):
        started().reset(ids=ids)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": 1}, r"one of the 1 train scenarios \(from 0\), got 1"),
        ({"index": -1, "test": True}, "1 test scenarios"),
        ({"index": 0, "n_tasks": 3}, "not both"),
        ({"n_tasks": 4}, r"n_tasks must be one of \[3\]"),
    ],
)
def test_impossible_reset_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        started().reset(**options)


@pytest.mark.parametrize("scenario", ["single_scen", "infinite"])
def test_a_number_of_tasks_cannot_be_asked_of_given_buildings(scenario):
    env = SaveTheCityVector(1, scenario=scenario)
    env.seed([0])
    with pytest.raises(ValueError, match="n_tasks must be one of"):
        env.reset(n_tasks=8)


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        ({"scenario": "2-5a_2-5"}, "did you mean '2-5a_2-5b'"),
        ({"scenario": []}, "list of teams"),
        ({"scenario": 3}, "list of teams"),
        ({"scenario": ["BX"]}, "letters of B"),
        ({"scenario": ["B" * 25]}, "1 to 24 letters"),
        ({"game_config": {"fire_burn_rat": 0.1}}, "did you mean env.game_config.fire_burn_rate"),
        ({"reward_config": {"solve": 0.1}}, "did you mean env.reward_config.solved"),
        ({"game_config": {"fire_burn_rate": -0.1}}, "env.game_config.fire_burn_rate must lie in"),
        ({"game_config": {"init_fire_chance": 1.1}}, "env.game_config.init_fire_chance must lie in"),
        ({"reward_config": {"solved": -200.0}}, "must be positive"),
        ({"episode_limit": 0}, "env.episode_limit must lie in"),
        ({"illegal_action": "stay"}, "env.illegal_action must be one of"),
        ({"observation": "flats"}, "did you mean 'flat'"),
        ({"episode_limits": 10}, "did you mean env.episode_limit"),
    ],
)
def test_impossible_configurations_are_refused(cfg, message):
    with pytest.raises(ValueError, match=message):
        SaveTheCityEnv(cfg)


def test_too_many_or_strange_tie_breaks_are_refused():
    with pytest.raises(ValueError, match="zeros and ones"):
        started().force_tie_breaks([2])
    with pytest.raises(ValueError, match="at most 24"):
        started().force_tie_breaks([0] * 25)


def test_a_state_that_does_not_fit_is_refused():
    large = SaveTheCityVector(1, scenario="24a_24b")
    large.seed([0])
    large.reset()
    with pytest.raises(ValueError, match="24 agents and 25 buildings does not fit into 2 agents and 3"):
        started().set_state(large.get_state())


def test_a_custom_list_keeps_its_teams_and_has_one_building_more_than_agents():
    scenarios = scenario_set(["GB", "F"])
    assert [(each.team, each.buildings) for each in scenarios.train] == [("GB", 3), ("F", 2)]
    assert (scenarios.max_agents, scenarios.max_buildings, scenarios.spacing) == (2, 3, 3)
