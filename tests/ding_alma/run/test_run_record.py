import json

import pytest

from ding_alma.monitor.evaluation import Evaluation
from ding_alma.run.run_error import RunError
from ding_alma.run.run_record import Reached, RunRecord, read_record


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def begin(path, clock, **start):
    return RunRecord(path, {"format": 1, "seed": 3}, clock=clock, **start)


def steps(record):
    return [point["env_step"] for point in record["evaluations"]]


def test_evaluations_are_on_disk_at_once(tmp_path):
    path, clock = tmp_path / "run" / "evaluations.json", Clock()
    record = begin(path, clock)
    clock.now += 2.5
    metrics = {"solved_mean": 0.25, "types_mean": float("nan")}
    record.add(Evaluation(100, 8, metrics, {"best_prob": 0.5}))
    (point,) = read_record(path.parent)["evaluations"]
    assert point == {
        "env_step": 100,
        "train_iter": 8,
        "wall_seconds": 2.5,
        "metrics": {"solved_mean": 0.25, "types_mean": None},
        "training": {"best_prob": 0.5},
    }
    assert read_record(path)["seed"] == 3
    assert "NaN" not in path.read_text()


def test_resume_goes_on_and_drops_what_it_replaces(tmp_path):
    path, clock = tmp_path / "evaluations.json", Clock()
    record = begin(path, clock)
    for step in (0, 100, 200):
        clock.now += 10
        record.add(Evaluation(step, step // 10, {"solved_mean": 0.0}))
    later = Clock()
    resumed = begin(path, later, env_step=150, train_iter=15)
    later.now += 1
    resumed.add(Evaluation(250, 25, {"solved_mean": 1.0}))
    result = read_record(path)
    assert steps(result) == [0, 100, 250]
    assert [point["wall_seconds"] for point in result["evaluations"]] == [10, 20, 21]
    assert [(part["env_step"], part["train_iter"]) for part in result["parts"]] == [(0, 0), (150, 15)]


def test_an_evaluation_repeated_after_a_resume_replaces_the_old_one(tmp_path):
    path = tmp_path / "evaluations.json"
    begin(path, Clock()).add(Evaluation(100, 10, {"solved_mean": 0.0}))
    begin(path, Clock(), env_step=100, train_iter=10).add(Evaluation(100, 10, {"solved_mean": 0.5}))
    result = read_record(path)
    assert steps(result) == [100] and result["evaluations"][0]["metrics"]["solved_mean"] == 0.5


def test_a_fresh_run_in_the_same_folder_begins_anew(tmp_path):
    path = tmp_path / "evaluations.json"
    begin(path, Clock()).add(Evaluation(100, 10, {"solved_mean": 0.0}))
    begin(path, Clock())
    assert steps(read_record(path)) == []


def test_a_record_that_a_resumed_run_misses_is_told(tmp_path, caplog):
    begin(tmp_path / "new.json", Clock())
    assert not caplog.records
    begin(tmp_path / "evaluations.json", Clock(), env_step=100, train_iter=10)
    assert "evaluations.json is missing: the record of evaluations begins anew" in caplog.text


@pytest.mark.parametrize("text", ["", "{", "[]", '{"evaluations": 3, "parts": []}'])
def test_damaged_records_are_refused(tmp_path, text):
    path = tmp_path / "evaluations.json"
    path.write_text(text)
    with pytest.raises(RunError, match="damaged"):
        read_record(path)


def test_missing_record(tmp_path):
    with pytest.raises(RunError, match="missing"):
        read_record(tmp_path)


def test_no_names_of_folders_in_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/some/where/bin/ding", "-m", "serial", "-c", "a b.py"])
    begin(tmp_path / "evaluations.json", Clock())
    assert (
        json.loads((tmp_path / "evaluations.json").read_text())["parts"][0]["command"] == "ding -m serial -c 'a b.py'"
    )


def test_how_far_a_run_has_come_is_noted_now_and_then(tmp_path):
    now = [0.0]
    reached = Reached(tmp_path, clock=lambda: now[0])
    assert reached.read() == 0
    for seconds, step in ((5, 100), (11, 200), (15, 300)):
        now[0] = seconds
        reached.note(step)
    assert reached.read() == 200
    (tmp_path / "reached.json").write_text("{")
    assert reached.read() == 0
