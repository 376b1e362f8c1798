"""DI-engine's managers, collector and evaluator survive games that die."""

import signal
import time
from functools import partial

import numpy as np
import pytest
from ding.envs import create_env_manager, get_env_manager_cls
from ding.utils import deep_merge_dicts
from ding.worker import EpisodeSerialCollector, InteractionSerialEvaluator
from easydict import EasyDict

from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.smac_multiarmy import play
from dizoo_ext.smac_multiarmy.env import SmacMultiArmyEnv

ENVS = 2
EPISODE_LIMIT = 6
STEPS_UNTIL_DEATH = 12
"""Requests to let time pass: two or three before an episode's first step, then one per step; so the second is cut."""


class RandomPolicy:
    """As much of a policy as collectors and evaluators talk to; a sample is what happened in one step."""

    def __init__(self):
        self._generator = np.random.default_rng(0)

    def forward(self, observations, **kwargs):
        masks = {i: np.asarray(observation["action_mask"]) for i, observation in observations.items()}
        return {i: {"action": random_legal_actions(mask, self._generator)} for i, mask in masks.items()}

    def reset(self, data_id=None):
        return None

    def process_transition(self, observation, output, timestep):
        return {"done": timestep.done, "is_abnormal": "abnormal" in timestep.info}

    def get_attribute(self, name):
        return {"cfg": EasyDict(type="random"), "on_policy": False, "unroll_len": 1, "n_episode": None}[name]


@pytest.fixture
def make_manager(double, compiled_rules):
    managers = []

    def make(kind="subprocess", **env_cfg):
        manager_cfg = EasyDict(
            type=kind, shared_memory=False, connect_timeout=120, max_retry=3, retry_type="renew", retry_waiting_time=0.1
        )
        manager_cfg = deep_merge_dicts(get_env_manager_cls(manager_cfg).default_config(), manager_cfg)
        sc2 = {"launch_spread": 0, "request_timeout": 30, **env_cfg.pop("sc2", {})}
        changes = {"engine": "sc2", "sc2": sc2, "episode_limit": EPISODE_LIMIT, **env_cfg}
        cfg = EasyDict(deep_merge_dicts(SmacMultiArmyEnv.default_config(), changes))
        managers.append(create_env_manager(manager_cfg, [partial(SmacMultiArmyEnv, cfg=cfg) for _ in range(ENVS)]))
        managers[-1].seed(0)
        return managers[-1]

    yield make
    for manager in managers:
        manager.close()


def wait_for_resets(manager):
    """A subprocess manager that is closed in the middle of a reset would begin another, in a new process."""
    while len(manager.ready_obs) < ENVS:
        time.sleep(0.01)


def collect(manager, episodes):
    cfg = EasyDict(deep_merge_dicts(EpisodeSerialCollector.default_config(), {}))
    collector = EpisodeSerialCollector(cfg, manager, RandomPolicy())
    try:
        collected = collector.collect(n_episode=episodes)
        wait_for_resets(manager)
        return collected
    finally:
        collector.close()


@pytest.mark.parametrize("kind", ["subprocess", "base"])
def test_a_collector_drops_the_episode_and_goes_on(make_manager, double, monkeypatch, tmp_path, kind):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SC2_DOUBLE_DIE_AFTER_STEPS", str(STEPS_UNTIL_DEATH))
    monkeypatch.setenv("SC2_DOUBLE_FAULTY_LAUNCHES", str(ENVS))
    episodes = collect(make_manager(kind), episodes=2 * ENVS)
    assert len(double.launches) == 2 * ENVS
    assert len(episodes) == 2 * ENVS
    for episode in episodes:
        assert [bool(step["done"]) for step in episode] == [False] * (len(episode) - 1) + [True]
        assert not any(step["is_abnormal"] for step in episode)


def test_killed_and_frozen_games_of_a_running_manager(make_manager, double):
    manager = make_manager(sc2={"request_timeout": 3})
    manager.launch()
    policy = RandomPolicy()
    for number in (signal.SIGKILL, signal.SIGSTOP):
        double.signal_games(number)
        actions = {i: output["action"] for i, output in policy.forward(manager.ready_obs).items()}
        assert sorted(actions) == [*range(ENVS)]
        timesteps = manager.step(actions)
        assert all(timestep.info["abnormal"] and timestep.done for timestep in timesteps.values())
        manager.reset(dict.fromkeys(timesteps))
    assert len(double.launches) == 3 * ENVS


def test_an_evaluation_ends_and_tells_of_the_lost_games(make_manager, double, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SC2_DOUBLE_DIE_AFTER_STEPS", "5")
    monkeypatch.setenv("SC2_DOUBLE_FAULTY_LAUNCHES", "1")
    cfg = EasyDict(deep_merge_dicts(InteractionSerialEvaluator.default_config(), {"n_episode": ENVS, "stop_value": 99}))
    manager = make_manager(is_test=True)
    evaluator = InteractionSerialEvaluator(cfg, manager, RandomPolicy())
    try:
        _, infos = evaluator.eval(n_episode=ENVS)
        wait_for_resets(manager)
    finally:
        evaluator.close()
    assert sorted(np.ravel(infos["restarts"]).tolist()) == [0.0, 1.0]


def test_a_worker_that_is_killed_takes_its_game_along(make_manager, double):
    manager = make_manager()
    manager.launch()
    worker = manager._subprocesses[0]
    worker.kill()
    worker.join(10)
    manager.reset()
    assert len(double.launches) == ENVS + 1
    assert len(double.games()) == ENVS


def test_a_reset_survives_an_engine_that_gave_up(make_manager, double, monkeypatch):
    monkeypatch.setattr(play, "_SPAWN_ATTEMPTS", 1)
    monkeypatch.setenv("SC2_DOUBLE_ERROR_AT_REQUEST", "2")
    monkeypatch.setenv("SC2_DOUBLE_FAULTY_LAUNCHES", str(ENVS))
    manager = make_manager(sc2={"launch_attempts": 1})
    manager.launch()
    assert sorted(manager.ready_obs) == [*range(ENVS)]
    assert len(double.launches) == 2 * ENVS
