import importlib
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from fresh_import import run_fresh

pytest.importorskip("pettingzoo")
from pettingzoo.test import max_cycles_test, parallel_api_test, parallel_seed_test, seed_test

import dizoo_ext.pettingzoo as bridge
from dizoo_ext.random_stream import random_legal_actions

ENVIRONMENTS = {
    "save_the_city": {},
    "smac_multiarmy": {"scenario": "3-4sz_maxsize2_maxarmies2_symmetric"},
    "group_matching": {},
    "lux_entities": {"map_size": 24, "min_factories": 1, "max_factories": 2, "max_units": 4, "episode_limit": 40},
}
every_environment = pytest.mark.parametrize(
    "make",
    [partial(bridge.parallel_env, name, **config) for name, config in ENVIRONMENTS.items()],
    ids=list(ENVIRONMENTS),
)


@pytest.mark.filterwarnings("error:::pettingzoo")
@every_environment
def test_pettingzoo_s_own_tests(make):
    parallel_api_test(make(), num_cycles=200)
    parallel_seed_test(make, num_cycles=30)
    make_aec = partial(bridge.env, *make.args, **make.keywords)
    max_cycles_test(SimpleNamespace(parallel_env=make, env=make_aec))
    seed_test(make_aec, num_cycles=10)


def test_the_module_itself_is_an_environment_for_pettingzoo():
    max_cycles_test(bridge)


@every_environment
def test_plays_the_episodes_of_the_environment(make):
    """Equal seeds and actions give what the environment itself hands out."""
    name, config = make.args[0], make.keywords
    own = bridge.ENV_REGISTRY.get(name)({"observation": "both", **config})
    env = make(render_mode="rgb_array", metrics=["return"])
    own.seed(3)
    expected, (observed, infos) = own.reset(), env.reset(seed=3)
    generator = np.random.default_rng(0)
    done = False
    shapes = {key: np.shape(value) for key, value in infos["agent_0"].items()}
    np.testing.assert_array_equal(infos["agent_0"]["subtask_done"], ~expected["subtask_mask"])
    while not done:
        for index, agent in enumerate(env.agents):
            assert env.observation_space(agent).contains(observed[agent])
            np.testing.assert_array_equal(observed[agent]["observation"], expected["agent_state"][index])
            np.testing.assert_array_equal(observed[agent]["action_mask"], expected["action_mask"][index])
            assert infos[agent]["alive"] == expected["entity_mask"][index]
        np.testing.assert_array_equal(env.state(), expected["global_state"])
        action = random_legal_actions(expected["action_mask"], generator)
        expected, reward, done, info = own.step(action)
        agents = env.agents
        observed, rewards, terminated, truncated, infos = env.step(dict(zip(agents, action.tolist(), strict=True)))
        assert set(rewards.values()) == {float(reward[0])}
        assert set(truncated.values()) == {done and info["time_limit"]}
        assert set(terminated.values()) == {done and not info["time_limit"]}
        for own_info in infos.values():
            assert {key: np.shape(value) for key, value in own_info.items()} == shapes, "TorchRL stacks infos"
            np.testing.assert_array_equal(own_info["subtask_reward"], info["subtask_reward"])
            np.testing.assert_array_equal(own_info["subtask_done"], info["subtask_done"])
            np.testing.assert_equal(own_info["return"], info["episode_info"]["return"] if done else np.nan)
    assert env.agents == []
    assert env.episode_info == pytest.approx(info["episode_info"], nan_ok=True)
    assert env.render().dtype == np.uint8 and make().render() is None


def last_step(env):
    env.reset(seed=0)
    while env.agents:
        result = env.step(dict.fromkeys(env.agents, 1))
    return result


def test_a_cut_episode_is_truncated_and_a_finished_one_terminated():
    cut = bridge.parallel_env("save_the_city", max_cycles=3, metrics=["solved"])
    _, _, terminated, truncated, infos = last_step(cut)
    assert set(truncated.values()) == {True} and set(terminated.values()) == {False}
    assert infos["agent_0"]["solved"] == cut.episode_info["solved"] == 0
    solvable = bridge.parallel_env("group_matching", max_cycles=500, metrics=["solved"], agents=2, cells=2, groups=1)
    _, _, terminated, truncated, infos = last_step(solvable)
    assert set(terminated.values()) == {True} and set(truncated.values()) == {False}
    assert infos["agent_0"]["solved"] == 1


def test_absent_agents_may_only_wait():
    env = bridge.parallel_env("save_the_city", scenario=["BF", "BFG"])
    teams = set()
    for seed in range(8):
        observations, infos = env.reset(seed=seed)
        assert env.agents == ["agent_0", "agent_1", "agent_2"]
        teams.add(infos["agent_2"]["alive"])
        if not infos["agent_2"]["alive"]:
            assert observations["agent_2"]["action_mask"].tolist() == [1] + [0] * 11
    assert teams == {True, False}


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="did you mean 'save_the_city'"):
        bridge.parallel_env("save_the_town")
    with pytest.raises(ValueError, match=r"did you mean env.scenario"):
        bridge.parallel_env("save_the_city", scenrio="2-5a_2-5b")
    with pytest.raises(ValueError, match="render_mode"):
        bridge.parallel_env(render_mode="human")
    with pytest.raises(ValueError, match="observation cannot be chosen"):
        bridge.parallel_env(observation="flat")
    with pytest.raises(TypeError, match=r"list of names, got 'solved': write \['solved'\]"):
        bridge.parallel_env(metrics="solved")
    with pytest.raises(ValueError, match=r"must not be \['alive'\]"):
        bridge.parallel_env(metrics=["solved", "alive"])
    with pytest.raises(ValueError, match=r"metrics must be one of .*did you mean 'solved'"):
        bridge.parallel_env(metrics=["solvd"])
    env = bridge.parallel_env(scenario=["BF"])
    with pytest.raises(RuntimeError, match="reset"):
        env.step({})
    env.reset(seed=0)
    with pytest.raises(ValueError, match="agent_1"):
        env.step({"agent_0": 0})
    strict = bridge.parallel_env(scenario=["BF"], illegal_action="raise")
    observations, _ = strict.reset(seed=0)
    forbidden = {agent: int(own["action_mask"].argmin()) for agent, own in observations.items()}
    with pytest.raises(ValueError, match="not allowed"):
        strict.step(forbidden)


def test_importing_it_is_all_that_is_needed():
    script = "from dizoo_ext.pettingzoo import parallel_env; print(parallel_env().metadata['name'])"
    assert run_fresh(script).splitlines()[-1] == "save_the_city_v0"


def test_a_missing_package_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(ImportError, match="uv sync --extra pettingzoo"):
        importlib.reload(bridge)
