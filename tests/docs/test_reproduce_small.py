"""The script that makes the tables of results, with runs that end at once."""

import json
import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "reproduce_small.sh"


def reproduce(runs, **variables):
    return subprocess.run(
        [SCRIPT, runs], env=os.environ | variables, capture_output=True, text=True, timeout=600, check=False
    )


def test_unknown_task_is_refused_before_anything_runs(tmp_path):
    done = reproduce(tmp_path / "runs", TASKS="lux no_task")
    assert done.returncode == 2
    assert "'no_task'" in done.stderr and "group_matching" in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_one_task_from_nothing_and_once_more(tmp_path):
    runs, results = tmp_path / "runs", tmp_path / "results"
    variables = {"TASKS": "group_matching", "MATCHING_SEEDS": "0 1", "MATCHING_STEPS": "600", "RESULTS": str(results)}
    interrupted = runs / "group_matching" / "refil" / "seed0"
    interrupted.mkdir(parents=True)

    first = reproduce(runs, **variables)
    assert first.returncode == 0, first.stderr
    assert [folder.name for folder in results.iterdir()] == ["small_group_matching"]
    groups = json.loads((results / "small_group_matching" / "comparison.json").read_text())["groups"]
    assert {name: [run["seed"] for run in group] for name, group in groups.items()} == {
        "REFIL": [0, 1],
        "A-QMIX": [0, 1],
    }
    assert [moved.name.rpartition("_")[0] for moved in (runs / "interrupted").iterdir()] == ["refil_seed0"]

    again = reproduce(runs, **variables)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("finished before") == 4 and "starts" not in again.stdout
