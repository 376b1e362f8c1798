import logging

import pytest
import torch
from default_hooks import default_hooks
from ding.entry import serial_pipeline
from easydict import EasyDict
from tensorboardX import SummaryWriter
from toy_run import toy_config

from ding_alma.atomic_file import write_json_atomically
from ding_alma.run.hooks import ProgressHook, register_hooks
from ding_alma.run.run_config import read_run_config
from ding_alma.run.run_record import REACHED_NAME, read_record

MEANS = ("solved_mean", "return_mean", "length_mean")


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    register_hooks()
    monkeypatch.chdir(tmp_path)


def test_a_run_leaves_records_checkpoints_and_few_lines(tmp_path, capsys, monkeypatch):
    mirrored = []
    write = SummaryWriter.add_scalar

    def spy(self, tag, value, step):
        if tag == "eval_env_metrics/solved_mean":
            mirrored.append((step, value))
        write(self, tag, value, step)

    monkeypatch.setattr(SummaryWriter, "add_scalar", spy)
    serial_pipeline(toy_config(), seed=3, max_train_iter=12)
    run = tmp_path / "toy_run"
    record = read_record(run)
    assert (record["seed"], record["env"], record["policy"]) == (3, "toy", "coma")
    assert [point["train_iter"] for point in record["evaluations"]] == [0, 4, 8, 12]
    assert {"solved_mean", "return_mean", "eval_episode_return_mean"} <= record["evaluations"][-1]["metrics"].keys()

    recorded = [(point["env_step"], point["metrics"]["solved_mean"]) for point in record["evaluations"]]
    assert mirrored == recorded
    last = torch.load(run / "ckpt" / "ckpt_last.pth.tar", weights_only=True)
    assert last["last_iter"] == 12 and last["last_step"] == recorded[-1][0] > recorded[-2][0]
    assert (run / "ckpt" / "ckpt_best.pth.tar").is_file()

    printed = capsys.readouterr()
    assert printed.out.count("Evaluation at") == 4
    assert printed.out.count("Evaluating the untrained team ...") == 1
    assert "12 updates" in printed.out.splitlines()[-1]
    assert "EVALUATOR" not in printed.err
    assert "finish episode" in (run / "log" / "evaluator" / "evaluator_logger.txt").read_text()


def test_a_resumed_run_goes_on(tmp_path, capsys):
    serial_pipeline(toy_config(), seed=3, max_train_iter=12)
    before = read_record("toy_run")
    checkpoint = torch.load("toy_run/ckpt/ckpt_last.pth.tar", weights_only=True)
    write_json_atomically({"env_step": checkpoint["last_step"] + 7}, tmp_path / "toy_run" / REACHED_NAME)
    resumed = toy_config(hook={"load_ckpt_before_run": "toy_run/ckpt/ckpt_last.pth.tar"}, resume_training=True)
    serial_pipeline(resumed, seed=3, max_train_iter=20)
    after = read_record("toy_run")
    assert after["evaluations"][:3] == before["evaluations"][:3]
    again, final = (
        [point["metrics"][name] for name in MEANS] for point in (after["evaluations"][3], before["evaluations"][3])
    )
    assert again == final, "a run is resumed as if its final evaluation had not been"
    assert [point["train_iter"] for point in after["evaluations"]] == [0, 4, 8, 12, 16, 20]
    assert f"Resuming at step {checkpoint['last_step']:,}, 7 steps lost" in capsys.readouterr().out
    assert all(
        earlier["env_step"] < later["env_step"] and earlier["wall_seconds"] < later["wall_seconds"]
        for earlier, later in zip(after["evaluations"], after["evaluations"][1:], strict=False)
    )
    assert [part["env_step"] for part in after["parts"]] == [0, checkpoint["last_step"]]
    assert [path.name for path in tmp_path.iterdir()] == ["toy_run"]


def test_the_kept_configuration_repeats_the_run():
    serial_pipeline(toy_config(), seed=3, max_train_iter=4)
    main, create = read_run_config("toy_run/run_config.json")
    assert create == toy_config()[1]
    main.exp_name = "again"
    serial_pipeline((main, create), seed=3, max_train_iter=4)
    first, second = (torch.load(f"{run}/ckpt/ckpt_last.pth.tar", weights_only=True) for run in ("toy_run", "again"))
    for name, weight in first["model"].items():
        assert torch.equal(weight, second["model"][name]), name


def test_a_run_that_dies_keeps_its_last_evaluation(monkeypatch):
    from ding.worker import EpisodeSerialCollector

    closed = []
    monkeypatch.setattr("atexit.register", closed.append)
    monkeypatch.setattr("atexit.unregister", lambda function: None)

    def die(*_, **__):
        raise RuntimeError("the game crashed")

    monkeypatch.setattr(EpisodeSerialCollector, "collect", die)
    with pytest.raises(RuntimeError, match="the game crashed"):
        serial_pipeline(toy_config(), seed=3, max_train_iter=12)
    for function in closed:
        function()
    assert [point["train_iter"] for point in read_record("toy_run")["evaluations"]] == [0]
    filters = [each for handler in logging.getLogger().handlers for each in handler.filters]
    assert filters == []


@pytest.mark.parametrize(
    ("ext_args", "message"),
    [
        (dict(total_steps=5), "did you mean .*total_env_steps"),
        (dict(style="silent"), "style must be one of"),
        (dict(interval=-1.0), "interval must lie in"),
    ],
)
def test_wrong_options_are_refused(ext_args, message):
    with pytest.raises(ValueError, match=message):
        ProgressHook("progress", 30, position="before_run", ext_args=EasyDict(ext_args))


def test_style_off_shows_nothing(capsys):
    hook = default_hooks()
    hook["progress"]["ext_args"]["style"] = "off"
    serial_pipeline(toy_config(hook=hook), seed=3, max_train_iter=4)
    assert "Evaluation at" not in capsys.readouterr().out
    assert read_record("toy_run")["evaluations"]
