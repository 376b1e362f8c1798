"""Configs that DI-engine could not merge are refused in one line with their key, however a run is started."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from ding.entry import serial_entry, serial_entry_onpolicy
from easydict import EasyDict
from tiny_runs import tiny_config

from ding_alma.cli.main import main as command
from ding_alma.run.checked_config import checked_config
from ding_alma.run.config_shape import check_shape

HUGE = 10**60
MISSING = object()
BROKEN = [
    ("create.env_manager", HUGE, r"create_config\.env_manager must be a block of keys"),
    ("create.env_manager", MISSING, r"create_config\.env_manager is missing"),
    ("create.replay_buffer", "nan", r"create_config\.replay_buffer must be a block of keys"),
    ("create.replay_buffer", 0, r"create_config\.replay_buffer must be a block of keys"),
    ("create.replay_buffer.type", MISSING, r"create_config\.replay_buffer\.type must be a name"),
    ("create.replay_buffer.type", "cuda", r"create_config\.replay_buffer\.type: unknown replay buffer 'cuda'"),
    ("create.env_manager.type", 2**63, r"create_config\.env_manager\.type must be a name"),
    ("create.collector.type", 10**12, r"create_config\.collector\.type must be a name"),
    ("create.policy", [], r"create_config\.policy must be a block of keys"),
    ("create.policy.type", float("nan"), r"create_config\.policy\.type must be a name"),
    ("create.replay_buffer.import_names", -(2**70), r"replay_buffer\.import_names must be a list of modules"),
    ("create.replay_buffer.import_names", {"type": "x"}, r"replay_buffer\.import_names must be a list of modules"),
    (
        "create.env.import_names",
        ["no_such_package"],
        r"env\.import_names lists 'no_such_package', which cannot be imported",
    ),
    ("create.env.import_names", [""], r"env\.import_names lists '', which cannot be imported"),
    ("create.collector.get_train_sample", None, r"get_train_sample=True.*get_train_sample None"),
    ("create.collector", MISSING, r"create_config\.collector = dict\(type='episode'.*got type 'sample'"),
    ("main.exp_name", "", r"exp_name must be the path of a folder, got ''"),
    ("main.exp_name", 2, r"exp_name must be the path of a folder, got 2"),
    ("main.exp_name", "ä" * 200, r"exp_name must be the path of a folder"),
    ("main.policy.import_names", 7, r"main_config\.policy\.import_names must be a list of modules"),
    ("main.policy.collect.collector.import_names", -1, r"collector\.import_names must be a list of modules"),
    ("main.policy.model.agent_num", {"x": 1}, r"policy\.model\.agent_num must be an integer"),
    ("main.policy.model.action_shape", 2.0, r"policy\.model\.action_shape must be an integer"),
    ("main.policy.model.obs_shape", 5, r"policy\.model\.obs_shape must be a block of keys"),
    ("main.env.manager.max_retry", {"": {}}, r"env\.manager\.max_retry must be"),
    ("main.env.manager.type", "0", r"env\.manager\.type: unknown env manager '0'"),
    ("main.policy.collect.collector.type", None, r"policy\.collect\.collector\.type must be a name"),
    ("main.policy.learn.learner.hook.run_record.priority", "/x", r"hook\.run_record\.priority must be a number"),
    ("create.replay_buffer", MISSING, r"set create_config\.replay_buffer\.type = 'episode_ring'"),
    ("main.policy.other.replay_buffer.device", "100000", r"replay_buffer\.device must be 'cpu' or a device"),
    ("main.policy.eval.evaluator.figure_path", 3, r"figure_path must be None"),
    ("main.policy.model", float("-inf"), r"policy\.model must be a block of keys"),
    ("main.env", 3, r"env must be a block of keys"),
    ("main.policy", MISSING, r"main_config\.policy is missing"),
    ("main.policy.learn", float("inf"), r"policy\.learn must be a block of keys"),
    ("main.policy.learn.learner.dataloader", 1.0, r"policy\.learn\.learner\.dataloader must be a block of keys"),
    ("main.policy.learn.learner.hook.progress.ext_args", float("-inf"), r"hook\.progress\.ext_args must be a block"),
    ("main.policy.other.commander.cfg_type", float("inf"), r"policy\.other\.commander\.cfg_type must be finite"),
    ("main.policy.collect.env_num", 10**12, r"policy\.collect\.env_num must lie in \[1, 100000\]"),
    ("main.policy.learn.tracker", "none", r"policy\.learn\.tracker must be one of \['tensorboard', 'wandb'\]"),
    ("main.env.type", "x", r"env\.type: unknown env 'x'"),
    ("main.env.manager.max_retry", 10**5, r"env\.manager\.max_retry must be 1 with env_manager\.type 'vector'"),
    ("main.policy.learn.learner.hook.progress.position", 64, r"hook\.progress\.position must be one of"),
    ("main.policy.learn.learner.hook.save_ckpt_after_itre", 4, r"did you mean .*save_ckpt_after_iter"),
]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def changed(key, value, policy):
    parts = dict(zip(("main", "create"), tiny_config(policy), strict=True))
    part, *blocks, last = key.split(".")
    node = parts[part]
    for block in blocks:
        node = node.setdefault(block, EasyDict())
    if value is MISSING:
        node.pop(last)
    else:
        node[last] = value
    return parts["main"], parts["create"]


def write_config(main, create):
    Path("config.py").write_text(
        f"nan, inf = float('nan'), float('inf')\nmain_config = {plain(main)!r}\ncreate_config = {plain(create)!r}\n",
        encoding="utf-8",
    )


def plain(value):
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize(("key", "value", "message"), BROKEN)
def test_the_command_refuses_it_in_one_line(key, value, message):
    write_config(*changed(key, value, "alma"))
    done = CliRunner().invoke(command, ["train", "config.py", "-o", "out"])
    assert done.exit_code == 1 and re.search(message, done.output), (done.output, done.exception)
    assert len(done.output.strip().splitlines()) == 1 and not Path("out").exists()


@pytest.mark.parametrize("policy", ["alma", "mppo"])
@pytest.mark.parametrize(("key", "value", "message"), BROKEN)
def test_ding_refuses_it_before_it_trains(key, value, message, policy):
    # As the command looks it up: by module.
    pipeline = serial_entry_onpolicy.serial_pipeline_onpolicy if policy == "mppo" else serial_entry.serial_pipeline
    with pytest.raises((ValueError, TypeError), match=message):
        pipeline(changed(key, value, policy), seed=0, max_train_iter=1)
    assert not list(Path().glob("run/ckpt/*"))


def test_ding_trains_a_config_that_says_nothing_of_learning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main, create = tiny_config("refil")
    del main.policy["learn"]
    policy = serial_entry.serial_pipeline((main, create), seed=0, max_train_iter=1)
    assert policy._updates["value_network"] > 0


def test_a_config_for_a_gpu_is_checked_on_any_machine():
    main, create = tiny_config()
    main.policy.learn.capture = True
    with pytest.raises(ValueError, match=r"policy\.learn\.capture = True needs policy\.cuda = True"):
        checked_config(main, create)
    main.policy.cuda = True
    merged = checked_config(main, create)
    assert merged.policy.cuda and merged.policy.learn.capture


def test_keys_are_strings():
    main, create = tiny_config()
    dict.__setitem__(main.policy.learn, 1, 2)
    with pytest.raises(
        TypeError, match=r"main_config\.policy\.learn has the key 1; all keys of a config must be strings"
    ):
        check_shape(main, create)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("main_config = dict()\ncreate_config = 1 / 0\n", r"config\.py.*\(ZeroDivisionError: division by zero\)"),
        ("main_config = dict(policy={1: 2})\ncreate_config = dict()\n", r"config\.py.*must be string, not 'int'"),
        ("main_config = dict(\n", r"config\.py.*\(SyntaxError: "),
        ("main_config = dict()\n", r"config\.py.*create_config"),
        ("import no_such_package\n", r"config\.py.*No module named .no_such_package.; install the package"),
    ],
)
def test_a_config_that_cannot_be_read_is_one_line(text, message):
    Path("config.py").write_text(text)
    done = CliRunner().invoke(command, ["train", "config.py"])
    assert done.exit_code == 1 and re.search(message, done.output), (done.output, done.exception)
    assert len(done.output.strip().splitlines()) == 1
