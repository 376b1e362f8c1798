"""The scripts that make the tables of results, with runs that end at once."""

import json
import os
import subprocess
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def reproduce(script, runs, **variables):
    return subprocess.run(
        [BENCHMARKS / f"reproduce_{script}.sh", runs],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.parametrize(
    "script, variable, known",
    [("small", "TASKS", "lux"), ("fast", "TASKS", "save_the_city"), ("fast", "METHODS", "refil")],
)
def test_unknown_names_are_refused_before_anything_runs(tmp_path, script, variable, known):
    done = reproduce(script, tmp_path / "runs", **{variable: f"{known} nothing"})
    assert done.returncode == 2
    assert "'nothing'" in done.stderr and known in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_one_task_from_nothing_and_once_more(tmp_path):
    runs, results = tmp_path / "runs", tmp_path / "results"
    variables = {"TASKS": "group_matching", "MATCHING_SEEDS": "0 1", "MATCHING_STEPS": "600", "RESULTS": str(results)}
    interrupted = runs / "group_matching" / "refil" / "seed0"
    interrupted.mkdir(parents=True)

    first = reproduce("small", runs, **variables)
    assert first.returncode == 0, first.stderr
    assert [folder.name for folder in results.iterdir()] == ["small_group_matching"]
    groups = json.loads((results / "small_group_matching" / "comparison.json").read_text())["groups"]
    assert {name: [run["seed"] for run in group] for name, group in groups.items()} == {
        "REFIL": [0, 1],
        "A-QMIX": [0, 1],
    }
    assert [moved.name.rpartition("_")[0] for moved in (runs / "interrupted").iterdir()] == ["refil_seed0"]

    again = reproduce("small", runs, **variables)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("finished before") == 4 and "starts" not in again.stdout

    (runs / "group_matching" / "refil" / "seed1.finished").unlink()
    resumed = reproduce("small", runs, **variables)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.count("finished before") == 3 and "refil/seed1: goes on" in resumed.stdout
