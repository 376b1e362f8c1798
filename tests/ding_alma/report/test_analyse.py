"""``ding-alma analyse``: groups of episodes and recorded statistics become the right numbers."""

import json
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from tiny_runs import write_untrained_run

from ding_alma.cli.main import main
from ding_alma.monitor.evaluation import Evaluation
from ding_alma.report import generalisation
from ding_alma.report.play import PlayedEpisode
from ding_alma.run.run_record import RunRecord


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two seeds of ALMA, its agents under the heuristic, REFIL, and a run on small battles ('armies')."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(2):
        write_untrained_run(folder / "alma" / f"seed{seed}")
    write_untrained_run(folder / "heuristic", allocation=dict(source="heuristic"))
    write_untrained_run(folder / "refil", "refil")
    write_untrained_run(folder / "armies", config="small/smac_multiarmy_alma")
    return folder


def call(*arguments):
    return CliRunner().invoke(main, ["analyse", *map(str, arguments)])


@pytest.fixture
def played(monkeypatch):
    """Arguments of all calls of `play_episodes`, which returns what stands in ``episodes``, one list per call."""
    calls, episodes = [], []

    def play(run, *arguments):
        calls.append((run, *arguments))
        return episodes[min(len(calls), len(episodes)) - 1]

    monkeypatch.setattr(generalisation, "play_episodes", play)
    play.calls, play.episodes = calls, episodes
    return play


def test_episodes_are_grouped_by_their_subtasks(runs, played, tmp_path):
    played.episodes += [
        [PlayedEpisode(2, {"solved": 1.0}), PlayedEpisode(2, {"solved": 0.0}), PlayedEpisode(3, {"solved": 1.0})],
        [PlayedEpisode(2, {"solved": 1.0}), PlayedEpisode(4, {"solved": np.nan})],
    ]
    result = call("subtasks", runs / "alma", "--episodes", 3, "--seed", 7, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert [arguments[1:] for arguments in played.calls] == [(3, 7)] * 2
    data = json.loads((tmp_path / "subtasks.json").read_text())
    assert data["columns"] == ["2", "3", "4"]
    two, three, four = data["rows"]["alma"]
    assert two["per_run"] == [0.5, 1.0] and two["value"] == 0.75 and two["episodes"] == 3
    # With two runs, the bootstrap draws each of them twice in a quarter of the cases.
    assert (two["low"], two["high"]) == (0.5, 1.0)
    assert three["per_run"] == [1.0, None] and three["value"] == 1.0 and three["low"] is None
    assert four["value"] is None
    assert "| alma | 0.75 [0.50, 1.00] | 1.00 | - |" in result.output
    assert Image.open(tmp_path / "subtasks.png").size[0] > 100


def test_real_episodes_begin_with_the_subtasks_of_their_scenario(runs, tmp_path):
    result = call("subtasks", runs / "refil", "--scenario", "B+BFG", "--episodes", 12, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "subtasks.json").read_text())["columns"] == ["2", "4"]


def test_distances_are_drawn_and_fall_into_their_classes(runs, played, tmp_path):
    spreads = {0.0: 0.0, 0.4: 1.0, 0.6: 0.0, 1.0: 1.0}
    played.episodes.append([PlayedEpisode(2, {"battle_won": won, "spread": at}) for at, won in spreads.items()])
    result = call("distance", runs / "armies", "--bins", 2, "-o", tmp_path)
    assert result.exit_code == 0, result.output
    assert played.calls[0][0].config.env.spread_armies is False
    near, far = json.loads((tmp_path / "distance.json").read_text())["rows"]["armies"]
    assert (near["value"], near["episodes"], far["value"]) == (0.5, 2, 0.5)


def test_real_battles_with_armies_drawn_together(runs):
    result = call("distance", runs / "armies", "--bins", 1, "--episodes", 3, "--metric", "spread")
    assert result.exit_code == 0, result.output
    value = float(result.output.splitlines()[-2].split("|")[2])
    assert 0 < value < 1, "armies stood as in the training"


def test_agents_meet_the_allocators_of_all_others(runs, played, tmp_path):
    played.episodes.append([PlayedEpisode(3, {"solved": 1.0})])
    result = call("mix", runs / "alma", runs / "heuristic", "-o", tmp_path)
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "mix.json").read_text())
    assert data["columns"] == ["alma", "rule: heuristic", "rule: random"] and list(data["rows"]) == [
        "alma",
        "heuristic",
    ]
    sources = [run.config.policy.allocation.source for run, *_ in played.calls]
    assert sources == [
        "learned",
        "learned",
        "heuristic",
        "heuristic",
        "random",
        "random",
        "learned",
        "heuristic",
        "random",
    ]


def write_record(folder, seed, best_prob, policy="alma"):
    """A record in which ``best_prob`` is known from step 100 on; ``best_prob`` None records no statistics."""
    header = {"name": folder.name, "env": "toy", "scenario": None, "policy": policy, "seed": seed}
    record = RunRecord(folder / "evaluations.json", header)
    for step in (0, 100, 400):
        training = {"best_prob": best_prob + step / 1000} if step and best_prob is not None else {}
        record.add(Evaluation(step, step, {"solved_mean": 0.0}, training))


def test_allocations_in_the_course_of_the_training(tmp_path):
    for seed in range(2):
        write_record(tmp_path / "alma" / f"seed{seed}", seed, 0.2 * seed)
    result = call("allocation", tmp_path / "alma", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    (course,) = json.loads((tmp_path / "out" / "allocation.json").read_text())
    assert course["columns"] == ["100", "200", "300", "400"]
    assert [cell["per_run"] for cell in course["rows"]["alma"]] == [
        pytest.approx([own + step / 1000 for own in (0.0, 0.2)]) for step in (100, 200, 300, 400)
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"allocation{s}" for s in (".md", ".json", ".png")}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["distance", "none"], "none does not exist"),
        (["subtasks", "empty"], "empty holds no run: there is no run_config.json"),
        (["distance", "refil"], "'save_the_city' has no armies"),
        (["subtasks", "refil", "armies"], "runs of different environments"),
        (["subtasks", "refil", "--metric", "solvd"], "did you mean solved"),
        (["subtasks", "refil", "--scenario", "2-5a"], "did you mean '2-5a_2-5b'"),
        (["mix", "refil"], "'refil', which allocates nobody"),
        (["allocation", "silent"], "silent recorded nothing of its allocations: it is too short, 400 updates in all"),
        (["allocation", "ruled"], "ruled recorded nothing of its allocations: they were 'heuristic', and only learned"),
        (
            ["allocation", "unallocated"],
            "unallocated recorded nothing .*: policy 'refil' allocates nobody",
        ),
        (["subtasks", "=refil"], "expected .METHOD=.PATH"),
    ],
)
def test_what_cannot_be_analysed_is_said_in_one_line(runs, monkeypatch, arguments, message):
    monkeypatch.chdir(runs)
    (runs / "empty").mkdir(exist_ok=True)
    write_record(runs / "silent", 0, None)
    write_record(runs / "unallocated", 0, None, "refil")
    write_record(runs / "ruled", 0, None)
    shutil.copy(runs / "heuristic" / "run_config.json", runs / "ruled")
    result = call(*arguments, *(["--episodes", 2] if arguments[0] != "allocation" else []))
    assert result.exit_code == 1 and len(result.output.strip().splitlines()) == 1, result.output
    assert re.search(message, result.output), result.output
