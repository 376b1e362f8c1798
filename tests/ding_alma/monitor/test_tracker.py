"""Weights & Biases receives what tensorboard receives; without a network, from the file that it would send."""

import json
import logging

import pytest
from ding.entry import serial_pipeline
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from toy_run import toy_config

from ding_alma.run.hooks import register_hooks
from ding_alma.run.run_error import RunError


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    register_hooks()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    # It sets up a logger of its own, which would stay.
    level = logging.getLogger("wandb").level
    yield
    logging.getLogger("wandb").setLevel(level)


def tracked_config():
    main, create = toy_config()
    main.policy.learn.tracker = "wandb"
    return main, create


def sent(folder):
    """(tag, step) -> value of every scalar in the offline runs of a folder, and their ids."""
    from wandb.proto.wandb_internal_pb2 import Record
    from wandb.sdk.internal.datastore import DataStore

    scalars, ids = {}, set()
    for file in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        store = DataStore()
        store.open_for_scan(str(file))
        while (data := store.scan_data()) is not None:
            record = Record()
            record.ParseFromString(data)
            if record.HasField("run"):
                ids.add(record.run.run_id)
            if record.HasField("history"):
                items = {
                    item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item
                }
                (tag,) = (key for key in items if "/" in key)
                (axis,) = {"env_step", "train_iter"} & set(items)
                scalars[tag, axis, items[axis]] = items[tag]
    return scalars, ids


def in_tensorboard(folder):
    events = EventAccumulator(str(folder / "log" / "serial"), size_guidance={"scalars": 0})
    events.Reload()
    for tag in events.Tags()["scalars"]:
        axis = "train_iter" if "_iter/" in tag else "env_step"
        yield from (((tag, axis, event.step), event.value) for event in events.Scalars(tag))


def test_every_scalar_is_sent_under_its_name_and_step(tmp_path):
    serial_pipeline(tracked_config(), seed=0, max_train_iter=8)
    run = tmp_path / "toy_run"
    scalars, ids = sent(run)
    written = dict(in_tensorboard(run))
    assert {"eval_env_metrics/solved_mean", "learner_iter/cur_lr_avg"} <= {tag for tag, *_ in written}
    assert scalars.keys() == written.keys()
    assert scalars == pytest.approx(written, rel=1e-5, nan_ok=True)
    assert ids == {(run / "wandb_id.txt").read_text()}


def test_what_cannot_begin_is_one_line(monkeypatch):
    def refuse(**options):
        raise ValueError("api_key not configured (no-tty)")

    monkeypatch.setattr("wandb.init", refuse)
    with pytest.raises(RunError, match=r"tracker = 'wandb' cannot begin \(api_key not configured.*WANDB_MODE=offline"):
        serial_pipeline(tracked_config(), seed=0, max_train_iter=2)


def test_unknown_trackers_are_refused():
    main, create = toy_config()
    main.policy.learn.tracker = "wandB"
    with pytest.raises(ValueError, match=r"policy.learn.tracker.*did you mean 'wandb'"):
        serial_pipeline((main, create), seed=0, max_train_iter=2)
