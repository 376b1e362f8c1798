"""The example of docs/neighbours.md: a view of an environment that is not shipped, which policies learn from."""

import inspect
import json
import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pettingzoo", reason="pettingzoo is not installed (extra pettingzoo)")
import torch
from click.testing import CliRunner
from ding.entry import serial_pipeline
from ding.envs import create_env_manager, get_env_manager_cls
from ding.utils import deep_merge_dicts
from easydict import EasyDict
from own_package import EXAMPLES, forget_package
from pettingzoo.test import parallel_api_test

import dizoo_ext.plugin  # noqa: F401  (registers the manager 'vector')
from ding_alma.cli.main import main
from ding_alma.setting.blocks import SMALL
from ding_alma.setting.compose import compose
from dizoo_ext.check import check_env
from dizoo_ext.gymnasium import make_env

TINY = dict(
    policy=dict(
        network=dict(attention_dim=8, attention_heads=2, hidden_dim=8, hypernet_dim=8, mixing_dim=4),
        allocation=dict(period=3, dim=8, heads=2, proposals=4, target_update=2),
        learn=dict(batch_size=2, update_per_collect=2),
        eval=dict(evaluator=dict(eval_freq=1)),
        other=dict(replay_buffer=dict(replay_buffer_size=50)),
    )
)


@pytest.fixture
def orchard(monkeypatch, tmp_path):
    """The module, as if it were installed."""
    monkeypatch.syspath_prepend(str(shutil.copytree(EXAMPLES, tmp_path / "examples")))
    monkeypatch.chdir(tmp_path)
    import orchard

    yield orchard
    forget_package()


def configs(policy, **options):
    env = dict(collector_env_num=2, evaluator_env_num=2, episode_limit=12)
    return compose("runs/orchard", "orchard", policy, SMALL, TINY, import_names=["orchard"], **env, **options)


def test_the_game_is_a_pettingzoo_environment_and_its_view_is_short(orchard):
    parallel_api_test(orchard.Orchard(), num_cycles=50)
    assert len(inspect.getsource(orchard.OrchardView).splitlines()) < 60


def test_the_contract(orchard):
    check_env(orchard.OrchardEnv(dict(episode_limit=12)), episodes=3)


@pytest.mark.parametrize("policy", ["alma", "refil"])
def test_policies_are_updated(orchard, policy):
    torch.set_num_threads(1)
    trained = serial_pipeline(configs(policy), seed=0, max_train_iter=2)
    checkpoints = [torch.load(f"runs/orchard/ckpt/iteration_{n}.pth.tar", weights_only=True) for n in (0,)]
    before, after = checkpoints[0]["model"], trained.learn_mode.state_dict()["model"]
    assert any((before[name] != after[name]).any() for name in after)


def played(env_class, kind):
    """Everything that two environments of a manager hand out in a few steps of the first allowed actions."""
    cfg = deep_merge_dicts(get_env_manager_cls(EasyDict(type=kind)).default_config(), EasyDict(type=kind))
    config = EasyDict(env_class.default_config(), size=3, episode_limit=4)
    manager = create_env_manager(cfg, [partial(env_class, cfg=config) for _ in range(2)])
    manager.seed(3)
    manager.launch()
    seen = []
    for _ in range(6):
        while len(ready := manager.ready_obs) < manager.env_num:
            time.sleep(0.001)
        seen += [np.array(ready[i][key]) for i in range(2) for key in sorted(ready[i])]
        steps = manager.step({i: ready[i]["action_mask"].argmax(axis=1) for i in range(2)})
        while len(steps) < 2:
            steps |= manager.step({})
        seen += [np.array([*steps[i].reward, steps[i].done, steps[i].info["time_limit"]]) for i in range(2)]
    manager.close()
    return seen


def test_all_managers_play_the_same_episodes(orchard):
    base, vector, subprocess = (played(orchard.OrchardEnv, kind) for kind in ("base", "vector", "subprocess"))
    assert any(each.shape == (3,) and each[1] for each in base), "no episode ended"
    for other in (vector, subprocess):
        assert len(base) == len(other)
        for left, right in zip(base, other, strict=True):
            np.testing.assert_array_equal(left, right)


def test_a_config_of_another_process_finds_it(orchard):
    Path("orchard_config.py").write_text(
        "from ding_alma.setting.blocks import SMALL\n"
        "from ding_alma.setting.compose import compose\n"
        'main_config, create_config = compose("runs/x", "orchard", "refil", SMALL, import_names=["orchard"],\n'
        '    manager="subprocess", collector_env_num=2, evaluator_env_num=2, episode_limit=8)\n'
    )
    tiny = ["policy.learn.update_per_collect=1", "policy.learn.batch_size=2", "policy.eval.evaluator.eval_freq=1"]
    arguments = ["train", "orchard_config.py", *tiny, "--env-step", "20", "-o", "runs/own"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    evaluations = json.loads(Path("runs/own/seed0/evaluations.json").read_text())["evaluations"]
    assert 0 <= evaluations[-1]["metrics"]["solved_mean"] <= 1
    arguments = ["render", "runs/own/seed0", "-o", "orchard.gif", "--trust-imports", "orchard"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0 and Path("orchard.gif").stat().st_size > 1000, result.output


def test_it_is_a_gymnasium_environment_too(orchard):
    env = make_env("orchard", size=3)
    observation, _ = env.reset(seed=0)
    again, _ = env.reset(seed=0)
    assert all(np.array_equal(observation[key], again[key]) for key in observation)
