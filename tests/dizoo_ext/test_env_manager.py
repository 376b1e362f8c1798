import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from ding.envs import BaseEnvManager, create_env_manager, get_env_manager_cls
from ding.utils import deep_merge_dicts
from easydict import EasyDict
from toy_env import AGENTS, ToyEnv

from dizoo_ext.env_manager import VectorEnvManager
from dizoo_ext.random_stream import random_legal_actions


def make_manager(kind="vector", num_envs=4, cfg=None, seed=0, **manager_cfg):
    """A manager built the way DI-engine builds it, seeded but not launched."""
    manager_cfg = EasyDict(type=kind, **manager_cfg)
    manager_cfg = deep_merge_dicts(get_env_manager_cls(manager_cfg).default_config(), manager_cfg)
    cfg = EasyDict(deep_merge_dicts(ToyEnv.default_config(), cfg or {}))
    manager = create_env_manager(manager_cfg, [partial(ToyEnv, cfg=cfg) for _ in range(num_envs)])
    if seed is not None:
        manager.seed(seed, dynamic_seed=True)
    return manager


def observations_of_all(manager):
    """Wait until the subprocess manager, which resets in the background, has reset all environments."""
    while len(ready := manager.ready_obs) < manager.env_num:
        time.sleep(0.001)
    return ready


def record(manager, steps=40, skip=None):
    """Random legal play; one list of events per environment. ``skip(step)`` names environments left idle."""
    manager.launch()
    generators = [np.random.default_rng(100 + i) for i in range(manager.env_num)]
    events = {i: [] for i in range(manager.env_num)}
    for step in range(steps):
        idle = skip(step) if skip else ()
        ready = observations_of_all(manager)
        for i, obs in ready.items():
            events[i].append({key: np.array(value) for key, value in obs.items()})
        actions = {
            i: random_legal_actions(obs["action_mask"], generators[i]) for i, obs in ready.items() if i not in idle
        }
        for i, timestep in manager.step(actions).items():
            events[i].append({key: np.array(value) for key, value in timestep.obs.items()})
            info = dict(timestep.info)
            metrics = info.pop("episode_info", {})
            events[i].append({"reward": timestep.reward, "done": timestep.done, **info, **metrics})
    observations_of_all(manager)
    manager.close()
    return events


def assert_equal_events(left, right):
    assert left.keys() == right.keys()
    for i in left:
        assert len(left[i]) == len(right[i])
        for a, b in zip(left[i], right[i], strict=True):
            assert a.keys() == b.keys()
            for key in a:
                assert np.array_equal(a[key], b[key]), (i, key)
                assert np.asarray(a[key]).dtype == np.asarray(b[key]).dtype, (i, key)


@pytest.mark.parametrize("is_test", [False, True])
@pytest.mark.parametrize("skip", [None, lambda step: {step % 4, 2} if step % 3 else ()], ids=["all", "subsets"])
def test_episodes_equal_those_of_the_base_manager(skip, is_test):
    runs = [record(make_manager(kind, cfg={"is_test": is_test}), skip=skip) for kind in ("base", "vector")]
    assert sum("episode_info" in str(e) or "return" in e for e in runs[0][0]) >= 2, "no episode ended"
    assert_equal_events(*runs)


@pytest.mark.parametrize("shared_memory", [False, True])
def test_episodes_equal_those_of_the_subprocess_manager(shared_memory):
    runs = [
        record(make_manager("subprocess", num_envs=2, shared_memory=shared_memory, wait_num=2), steps=15),
        record(make_manager("vector", num_envs=2), steps=15),
    ]
    assert_equal_events(*runs)


def test_second_reset_continues_the_stream_like_the_base_manager():
    starts = []
    for kind in ("base", "vector"):
        manager = make_manager(kind)
        manager.launch()
        manager.reset()
        manager.reset({2: None})
        starts.append([manager.ready_obs[i]["entities"] for i in range(4)])
        manager.close()
    assert np.array_equal(*starts)


def test_unseeded_environments_differ():
    manager = make_manager(seed=None, num_envs=8)
    manager.launch()
    first = [manager.ready_obs[i]["entities"] for i in range(8)]
    assert len({start.tobytes() for start in first}) > 1


def test_last_observation_is_the_true_one_and_the_next_episode_is_ready():
    manager = make_manager(cfg={"episode_limit": 3})
    manager.launch()
    for _ in range(3):
        timesteps = manager.step(manager.random_action())
    ended = [i for i, timestep in timesteps.items() if timestep.info["time_limit"]]
    assert ended
    for i in ended:
        assert timesteps[i].done
        assert timesteps[i].obs["agent_state"][:, -AGENTS - 4 : -AGENTS].any(), "the last step's action is missing"
        assert not manager.ready_obs[i]["agent_state"][:, -AGENTS - 4 : -AGENTS].any(), "not a first observation"


def test_episode_num_ends_the_manager():
    manager = make_manager(cfg={"episode_limit": 2}, num_envs=2, episode_num=2)
    manager.launch()
    while not manager.done:
        manager.step(manager.random_action())
    assert manager.ready_obs == {}
    assert all(manager.env_state_done(i) for i in range(2))
    with pytest.raises(RuntimeError):
        manager.step({0: np.ones(AGENTS, int)})


def test_without_auto_reset_an_ended_environment_waits_for_its_reset():
    manager = make_manager(cfg={"episode_limit": 1}, num_envs=2, auto_reset=False)
    manager.launch()
    manager.step({1: manager.random_action()[1]})
    assert manager.ready_obs_id == [0]
    manager.reset({1: None})
    assert manager.ready_obs_id == [0, 1]


def test_reset_options_reach_their_environment_and_last():
    manager = make_manager(cfg={"episode_limit": 1}, num_envs=6)
    manager.launch({i: {"sites": 2} if i == 3 else None for i in range(6)})
    for _ in range(6):
        assert manager.ready_obs[3]["subtask_mask"].all()
        manager.step(manager.random_action())


def test_rows_are_views_of_fresh_memory():
    manager = make_manager(num_envs=3)
    manager.launch()
    first = manager.ready_obs
    timesteps = manager.step(manager.random_action())
    for key, value in timesteps[0].obs.items():
        assert value.base is not None, key
        assert np.shares_memory(value.base, timesteps[1].obs[key]), key
        assert not np.shares_memory(value, first[0][key]), key


def test_random_actions_are_legal_for_every_ready_environment():
    manager = make_manager(num_envs=3)
    manager.launch()
    for _ in range(30):
        actions = manager.random_action()
        for i, obs in manager.ready_obs.items():
            assert obs["action_mask"][np.arange(AGENTS), actions[i]].all()
        manager.step(actions)


def test_closed_manager_refuses_steps_and_can_be_launched_again():
    manager = make_manager(num_envs=2)
    manager.launch()
    manager.close()
    assert manager.closed
    with pytest.raises(AssertionError, match="closed"):
        manager.step({0: np.zeros(AGENTS, int)})
    manager.launch()
    assert manager.ready_obs_id == [0, 1]


def test_replays_are_written_and_unfinished_episodes_are_not_cut(tmp_path):
    manager = make_manager(cfg={"episode_limit": 2}, num_envs=2, episode_num=1)
    manager.enable_save_replay(str(tmp_path))
    manager.launch()
    start = manager.ready_obs[0]
    manager.reset()
    assert manager.ready_obs[0] is start
    while not manager.done:
        manager.step(manager.random_action())
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == [
        "ToyEnv_seed0_episode0.gif",
        "ToyEnv_seed1_episode0.gif",
    ]


@pytest.mark.parametrize("kind", ["base", "vector"])
def test_images_and_attributes_of_the_environments(kind):
    manager = make_manager(kind, num_envs=2)
    manager.launch()
    images = manager.ready_imgs
    assert list(images) == [0, 1]
    assert all(image.dtype == np.uint8 and image.shape[2] == 3 and image.any() for image in images.values())
    assert manager.entity_spec[0].agents == AGENTS
    assert manager.env_ref.observation_space == manager.observation_space


def test_unequal_configurations_are_refused():
    makers = [partial(ToyEnv, cfg=EasyDict(episode_limit=limit)) for limit in (5, 6)]
    with pytest.raises(ValueError, match=r"equal configurations.*'base' or 'subprocess'"):
        VectorEnvManager(makers, BaseEnvManager.default_config())


def test_other_environment_classes_are_refused():
    class NoEntityEnv:
        observation_space = action_space = reward_space = None

    with pytest.raises(TypeError, match="subclasses of EntityEnv, got NoEntityEnv"):
        VectorEnvManager([partial(NoEntityEnv)], BaseEnvManager.default_config())
    with pytest.raises(TypeError, match=r"functools\.partial of ToyEnv"):
        VectorEnvManager([lambda: ToyEnv()], BaseEnvManager.default_config())


@pytest.mark.parametrize("setting", [{"max_retry": 2}, {"step_timeout": 1.0}, {"reset_timeout": 1.0}])
def test_settings_it_cannot_honour_are_refused(setting):
    with pytest.raises(ValueError, match=f"env.manager.{next(iter(setting))} must be"):
        make_manager(**setting)


def test_illegal_actions_keep_their_own_error():
    manager = make_manager(num_envs=2)
    manager.launch()
    with pytest.raises(ValueError, match="integers"):
        manager.step({0: np.zeros(AGENTS)})
    with pytest.raises(ValueError, match="out of range"):
        manager.step({0: np.full(AGENTS, 99)})
