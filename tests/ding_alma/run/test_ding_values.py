"""Values that DI-engine reads without a look are refused, with their key, however a run is started."""

import logging
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from easydict import EasyDict
from tiny_runs import tiny_config, train

from ding_alma.cli.main import main as command
from ding_alma.run.ding_keys import check_ding_values
from ding_alma.run.run_error import RunError
from dizoo_ext.save_the_city.env import SaveTheCityEnv

NONSENSE = [
    ("env.stop_value", float("-inf"), r"env.stop_value must lie in"),
    ("env.stop_value", "high", "env.stop_value must be a number"),
    ("env.manager.auto_reset", float("-inf"), "env.manager.auto_reset must be of type bool"),
    ("env.manager.auto_reset", False, "env.manager.auto_reset must be one of"),
    ("env.manager.episode_num", 3, "env.manager.episode_num must lie in"),
    ("env.is_test", 10**12, "env.is_test must be of type bool"),
    ("env.evaluator_env_num", 10**12, "env.evaluator_env_num must lie in"),
    ("env.collector_env_num", -1, "env.collector_env_num must lie in"),
    ("env.collector_env_num", 2.5, "env.collector_env_num must be an integer"),
    ("env.n_evaluator_episode", 1, "env.n_evaluator_episode = 1 must be at least env.evaluator_env_num = 2"),
    ("policy.collect.n_episode", 1, "policy.collect.n_episode = 1 must be at least env.collector_env_num = 2"),
    ("policy.collect.collector.collect_print_freq", 0, "collect_print_freq must lie in"),
    ("policy.collect.collector.window", 2**63, "window"),
    ("policy.eval.evaluator.eval_freq", float("inf"), "eval_freq must be"),
    ("policy.eval.evaluator.render.mode", "x", "mode (must|should) be"),
    ("policy.learn.learner.train_iterations", -(2**70), "train_iterations must lie in"),
    ("policy.other.replay_buffer.persist", "abc", "replay_buffer.persist must be of type bool"),
    ("policy.other.replay_buffer.replay_buffer_size", 0, "replay_buffer_size must lie in"),
]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def changed(key, value, policy="mppo"):
    main, create = tiny_config(policy)
    node = main
    *blocks, last = key.split(".")
    for block in blocks:
        node = node.setdefault(block, EasyDict())
    node[last] = value
    return main, create


def write_config(key, value):
    """A config file with one value changed."""
    main, create = changed(key, value)
    text = f"from easydict import EasyDict\ninf = float('inf')\nmain_config = EasyDict({dict(main)!r})\n"
    Path("config.py").write_text(f"{text}create_config = EasyDict({dict(create)!r})\n", encoding="utf-8")


@pytest.mark.parametrize(("key", "value", "message"), NONSENSE)
def test_the_command_refuses_nonsense_before_it_starts(key, value, message):
    write_config(key, value)
    result = CliRunner().invoke(command, ["train", "config.py", "-o", "out"])
    assert result.exit_code == 1 and re.search(message, result.output), (result.output, result.exception)
    assert len(result.output.strip().splitlines()) == 1 and not Path("out").exists()


def test_the_command_refuses_a_seed_in_the_file_that_is_none():
    write_config("seed", float("-inf"))
    result = CliRunner().invoke(command, ["train", "config.py", "-o", "out"])
    assert result.exit_code == 1 and "seed must" in result.output, result.output


@pytest.mark.parametrize(("key", "value", "message"), NONSENSE)
def test_ding_refuses_nonsense_before_it_trains(key, value, message):
    with pytest.raises((ValueError, TypeError, RunError, AssertionError), match=message):
        train(*changed(key, value, policy="alma"))
    assert not list(Path().glob("run/ckpt/*"))


def test_defaults_and_what_people_set_pass():
    defaults = EasyDict(env=dict(manager=dict(connect_timeout=60, step_timeout=None, episode_num=float("inf"))))
    good = EasyDict(env=dict(manager=dict(connect_timeout=0.5, step_timeout=3, episode_num=float("inf"))))
    check_ding_values(good, defaults)
    check_ding_values(defaults, defaults)
    check_ding_values(EasyDict(env=dict(stop_value=float("inf"))), EasyDict(env=dict(stop_value=1)))
    assert len(SaveTheCityEnv.create_evaluator_env_cfg(EasyDict(evaluator_env_num=3))) == 3


def test_a_gpu_that_is_not_there_is_refused_at_the_start_and_told_at_a_resumption(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    write_config("policy.cuda", True)
    result = CliRunner().invoke(command, ["train", "config.py", "-o", "out"])
    assert result.exit_code == 1 and "policy.cuda = True, but torch finds no GPU" in result.output
    main, create = changed("policy.cuda", True)
    with pytest.raises(ValueError, match=r"policy\.cuda = True, but torch finds no GPU"):
        train(main, create)
    main.policy.learn.resume_training = True
    with caplog.at_level(logging.WARNING):
        train(main, create, iterations=1)
    assert "policy.cuda = True, but torch finds no GPU: the run goes on on the CPU" in caplog.text
