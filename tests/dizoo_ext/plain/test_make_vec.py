"""Batches without DI-engine: equal to single environments, reset in the next step, and light to import."""

import subprocess
import sys
from functools import partial
from operator import attrgetter
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from ding.utils import ENV_REGISTRY

import dizoo_ext
import dizoo_ext.plugin
from dizoo_ext.gymnasium import make_env
from dizoo_ext.plain.team_env import TeamEnv

ROOT = Path(__file__).parents[3]
CITY = dict(scenario="2-5a_2-5b", episode_limit=4)
ENVIRONMENTS = {
    "save_the_city": CITY,
    "group_matching": dict(agents=3, cells=3, groups=1, episode_limit=6),
    "smac_multiarmy": dict(scenario="3-4sz_maxsize2_maxarmies2_symmetric", episode_limit=5, continuing_episode=True),
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_equals_single_environments_that_are_reset_one_step_after_their_end(name):
    n, config = 3, ENVIRONMENTS[name]
    env = dizoo_ext.make_vec(name, n, seed=7, **config)
    singles = [ENV_REGISTRY.get(name)(config) for _ in range(n)]
    for row, single in enumerate(singles):
        single.seed(7 + row)
    expected = [single.reset() for single in singles]
    observation, info = env.reset()
    assert info == {} and env.observation_space.contains(observation)
    has_ended, ends = [False] * n, set()
    for _ in range(20):
        for row in range(n):
            for key, array in expected[row].items():
                np.testing.assert_array_equal(observation[key][row], array, err_msg=key)
        actions = env.random_actions()
        actions[has_ended] = 0  # ignored, and often not even allowed
        observation, reward, terminated, truncated, info = env.step(actions)
        for row, single in enumerate(singles):
            if has_ended[row]:
                expected[row], has_ended[row] = single.reset(), False
                assert (reward[row], terminated[row], truncated[row]) == (0, False, False)
                assert not info["subtask_reward"][row].any()
                continue
            step = single.step(actions[row])
            expected[row], has_ended[row] = step.obs, step.done
            assert reward[row] == pytest.approx(float(step.reward[0]), abs=1e-6)
            assert (terminated[row] or truncated[row]) == step.done
            assert truncated[row] == (step.done and step.info["time_limit"])
            np.testing.assert_allclose(info["subtask_reward"][row], step.info["subtask_reward"], atol=1e-6)
            np.testing.assert_array_equal(info["subtask_done"][row], step.info["subtask_done"])
            if step.done:
                ends.add("truncated" if truncated[row] else "terminated")
                assert info["_episode_info"][row]
                for key, value in step.info["episode_info"].items():
                    np.testing.assert_equal(info["episode_info"][key][row], value)
    assert ends, "no episode has ended"


def test_episodes_of_different_lengths_do_not_wait_for_each_other():
    env = dizoo_ext.make_vec("group_matching", 16, seed=0, agents=2, cells=2, groups=1, episode_limit=5)
    env.reset()
    lengths, ended = np.zeros(16, int), np.zeros(16, bool)
    seen = set()
    for _ in range(30):
        _, _, terminated, truncated, info = env.step(env.random_actions())
        lengths = np.where(ended, 0, lengths + 1)
        ended = terminated | truncated
        assert ("episode_info" in info) == ended.any()
        if ended.any():
            np.testing.assert_array_equal(info["_episode_info"], ended)
            np.testing.assert_array_equal(info["episode_info"]["episode_length"][ended], lengths[ended])
            assert np.isnan(info["episode_info"]["episode_length"][~ended]).all()
            seen |= set(lengths[ended].tolist())
        assert not (ended & (lengths == 0)).any()
    assert len(seen) > 1, "all episodes have the same length, so nothing was tested"


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (partial(dizoo_ext.make_vec, num_envs=1), "batch"),
        (TeamEnv, "batch"),
        (make_env, "env._vector_env"),
    ],
)
def test_options_of_a_reset_are_the_environments_own(make, path):
    env = make("save_the_city", scenario="2-5a_2-5b")
    batch = attrgetter(path)(env)
    for buildings in (3, 5):
        env.reset(seed=0, options=dict(n_tasks=buildings))
        assert batch.cities["buildings"][0] == buildings
    for name in ("n_task", "ids"):
        with pytest.raises(ValueError, match=f"option of a reset must be one of .*'n_tasks'.*, got '{name}'"):
            env.reset(options={name: 3})
    for name, value, kind in [("index", 0.0, "int"), ("index", True, "int"), ("test", "no", "bool")]:
        with pytest.raises(TypeError, match=f"option {name} of a reset must be {kind} or None, got {value!r}"):
            env.reset(options={name: value})
    env.reset(options={"index": np.int64(1), "test": None})
    with pytest.raises(ValueError, match="strings for names, got 1"):
        env.reset(options={1: 2})


def test_an_environment_without_options_says_so():
    with pytest.raises(ValueError, match="a reset has no options here, got 'n_tasks'"):
        dizoo_ext.make_vec("group_matching", 1).reset(options={"n_tasks": 3})


def test_seeds_decide_everything():
    def trace(env, **options):
        observation, _ = env.reset(**options)
        total = [observation["entities"]]
        for _ in range(6):
            total.append(env.step(env.random_actions())[0]["entities"])
        return np.stack(total)

    first = trace(dizoo_ext.make_vec("save_the_city", 2, seed=3, **CITY))
    again = dizoo_ext.make_vec("save_the_city", 2, seed=99, **CITY)
    np.testing.assert_array_equal(trace(again, seed=3), first)
    assert not np.array_equal(trace(again), first), "a reset without a seed goes on in the stream"
    shifted = trace(dizoo_ext.make_vec("save_the_city", 2, seed=4, **CITY))
    assert not np.array_equal(shifted, first)
    observation, _ = again.reset(seed=[4, 3])
    np.testing.assert_array_equal(observation["entities"][1], first[0, 0])
    test, _ = dizoo_ext.make_vec("save_the_city", 2, seed=3, is_test=True, **CITY).reset()
    assert not np.array_equal(test["entities"], first[0])


def test_gymnasium_s_own_wrappers_take_it():
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(dizoo_ext.make_vec("save_the_city", 4, seed=0, **CITY))
    env.reset()
    returns = np.zeros(4)
    for _ in range(4):
        _, reward, _, truncated, info = env.step(env.unwrapped.random_actions())
        returns += reward
    assert truncated.all()
    np.testing.assert_allclose(info["episode"]["r"], returns, rtol=1e-5)
    np.testing.assert_array_equal(info["episode"]["l"], 4)


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="did you mean 'save_the_city'"):
        dizoo_ext.make_vec("save_the_town", 2)
    with pytest.raises(ValueError, match=r"did you mean env.scenario"):
        dizoo_ext.make_vec("save_the_city", 2, scenrio="2-5a_2-5b")
    with pytest.raises(TypeError, match=r"env.episode_limit must be of type int"):
        dizoo_ext.make_vec("save_the_city", 2, episode_limit="long")
    with pytest.raises(ValueError, match="seed"):
        dizoo_ext.make_vec("save_the_city", 2, seed=2**32 - 1)
    with pytest.raises(AttributeError, match="make_vector"):
        dizoo_ext.make_vector  # noqa: B018
    env = dizoo_ext.make_vec("save_the_city", 2, seed=0)
    for call in (env.random_actions, lambda: env.step(np.zeros((2, env.batch.spec.agents), int))):
        with pytest.raises(RuntimeError, match="reset"):
            call()
    with pytest.raises(ValueError, match="one seed per environment"):
        env.reset(seed=[1])
    env.reset()
    with pytest.raises(ValueError, match="shape"):
        env.step(np.zeros(2, int))


def test_nothing_of_di_engine_is_imported_and_whoever_waits_for_kernels_is_told():
    script = """
import sys, dizoo_ext, numba
for name in ("save_the_city", "smac_multiarmy", "group_matching", "lux_entities"):
    dizoo_ext.make_vec(name, 2, seed=0)
from dizoo_ext.smac_multiarmy import StarCraft2Env
heavy = ("ding", "torch", "pandas", "easydict", "pysc2")
print(StarCraft2Env("3m").n_agents, [name for name in heavy if name in sys.modules])
numba.njit(lambda: 1)()
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "3 []\n"
    assert done.stderr.count("compiling kernels") == 1
    assert "unmaintained" not in done.stderr
