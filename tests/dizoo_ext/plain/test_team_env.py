"""`gymnasium.make` gives teams whose agents observe, act and are paid one by one."""

import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete, Tuple

import dizoo_ext
import dizoo_ext.gymnasium
from dizoo_ext.plain.registration import ENVIRONMENTS

ROOT = Path(__file__).parents[3]
CITY = "ding_alma/SaveTheCity-2-5a_2-5b-v0"


def allowed(info, generator):
    return tuple((info["action_mask"] * generator.random(info["action_mask"].shape)).argmax(1).tolist())


@pytest.mark.parametrize(
    ("env_id", "name", "config"),
    [
        (CITY, "save_the_city", dict(scenario="2-5a_2-5b")),
        ("ding_alma/SMAC-3m-v0", "smac_multiarmy", dict(scenario="3m")),
        ("ding_alma/GroupMatching-v0", "group_matching", {}),
    ],
)
def test_plays_the_episodes_of_the_environment(env_id, name, config):
    env = gymnasium.make(env_id, render_mode="rgb_array", episode_limit=30)
    batch = dizoo_ext.make_vec(name, 1, seed=4, episode_limit=30, **config)
    agents = env.unwrapped.n_agents
    assert isinstance(env.action_space, Tuple) and len(env.action_space) == len(env.observation_space) == agents
    assert all(isinstance(space, Discrete) and space.n == batch.batch.spec.actions for space in env.action_space)
    expected, _ = batch.reset()
    seen, info = env.reset(seed=4)
    generator, done = np.random.default_rng(0), False
    while not done:
        assert env.observation_space.contains(seen)
        np.testing.assert_array_equal(np.stack(seen), expected["agent_state"][0])
        np.testing.assert_array_equal(info["action_mask"], expected["action_mask"][0])
        np.testing.assert_array_equal(info["state"], expected["global_state"][0])
        np.testing.assert_array_equal(info["alive"], expected["entity_mask"][0, :agents])
        action = allowed(info, generator)
        expected, reward, ended, cut, batch_info = batch.step(np.array([action]))
        seen, rewards, terminated, truncated, info = env.step(action)
        assert rewards == [reward[0]] * agents
        assert (terminated, truncated) == (ended[0], cut[0])
        done = terminated or truncated
    np.testing.assert_equal(info["episode_info"], {key: row[0] for key, row in batch_info["episode_info"].items()})
    assert env.render().dtype == np.uint8
    env.close()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_name_can_be_made(name):
    env = gymnasium.make(f"ding_alma/{name}-v0")
    assert env.render_mode is None and env.unwrapped.n_agents == len(env.action_space) > 0


def test_any_action_may_be_sampled_and_seeds_decide():
    env = gymnasium.make(CITY, episode_limit=10)

    def trace(**options):
        env.action_space.seed(1)
        steps = [np.concatenate(env.reset(**options)[0])]
        for _ in range(10):
            steps.append(np.concatenate(env.step(env.action_space.sample())[0]))
        return np.stack(steps)

    first = trace(seed=3)
    np.testing.assert_array_equal(trace(seed=3), first)
    assert not np.array_equal(trace(), first)
    assert env.render() is None


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match=r"did you mean env.episode_limit"):
        gymnasium.make(CITY, episode_limits=3)
    with pytest.raises(ValueError, match="observation cannot be chosen"):
        gymnasium.make(CITY, observation="entities")
    with pytest.raises(ValueError, match="render_mode must be one of"):
        dizoo_ext.plain.team_env.TeamEnv("group_matching", render_mode="human")
    with pytest.raises(gymnasium.error.NameNotFound, match="SaveTheCity"):
        gymnasium.make("ding_alma/SaveTheCity-2-5a-v0")
    env = gymnasium.make(CITY, illegal_action="raise")
    _, info = env.reset(seed=0)
    with pytest.raises(ValueError, match="not allowed"):
        env.step(info["action_mask"].argmin(1))
    with pytest.raises(ValueError, match="shape"):
        env.step([0])


def test_gymnasium_finds_the_module_and_needs_no_di_engine():
    script = f"""
import sys, gymnasium
env = gymnasium.make("dizoo_ext.gymnasium:{CITY}")
observation, info = env.reset(seed=0)
print(len(observation), [name for name in ("ding", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "5 []\n"
