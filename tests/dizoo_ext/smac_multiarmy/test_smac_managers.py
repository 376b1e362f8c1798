"""DI-engine's managers all play the same battles."""

import time
from functools import partial

import numpy as np
import pytest
from ding.envs import create_env_manager, get_env_manager_cls
from ding.utils import deep_merge_dicts
from easydict import EasyDict

from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.smac_multiarmy import SmacMultiArmyEnv

ENVS, STEPS = 2, 12


def play(kind):
    """Random legal play; everything that each environment shows."""
    manager_cfg = EasyDict(type=kind, import_names=["dizoo_ext.plugin"])
    if kind == "subprocess":
        manager_cfg.shared_memory = False
    manager_cfg = deep_merge_dicts(get_env_manager_cls(manager_cfg).default_config(), manager_cfg)
    cfg = EasyDict(deep_merge_dicts(SmacMultiArmyEnv.default_config(), {"episode_limit": 5}))
    manager = create_env_manager(manager_cfg, [partial(SmacMultiArmyEnv, cfg=cfg) for _ in range(ENVS)])
    manager.seed(0, dynamic_seed=False)
    manager.launch()
    generators = [np.random.default_rng(i) for i in range(ENVS)]
    seen = {i: [] for i in range(ENVS)}
    try:
        for _ in range(STEPS):
            while len(manager.ready_obs) < ENVS:
                time.sleep(0.01)
            actions = {}
            for i, observation in sorted(manager.ready_obs.items()):
                seen[i].append({key: np.array(value) for key, value in observation.items()})
                actions[i] = random_legal_actions(np.asarray(observation["action_mask"]), generators[i])
            waiting = set(actions)
            timesteps = manager.step(actions)
            while waiting := waiting - set(timesteps):
                timesteps |= manager.step({})
            for i, timestep in sorted(timesteps.items()):
                info = dict(timestep.info)
                seen[i].append({"reward": timestep.reward, **info.pop("episode_info", {}), **info})
        while len(manager.ready_obs) < ENVS:
            time.sleep(0.01)
    finally:
        manager.close()
    return seen


@pytest.fixture(scope="module")
def in_a_batch():
    return play("vector")


@pytest.mark.parametrize("kind", ["base", "subprocess"])
def test_all_managers_play_the_same_battles(kind, in_a_batch):
    seen = play(kind)
    assert sum("battle_won" in event for event in seen[0]) == 2
    for i in range(ENVS):
        assert len(seen[i]) == len(in_a_batch[i])
        for a, b in zip(seen[i], in_a_batch[i], strict=True):
            assert a.keys() == b.keys()
            for key in a:
                np.testing.assert_array_equal(a[key], b[key], err_msg=key)
