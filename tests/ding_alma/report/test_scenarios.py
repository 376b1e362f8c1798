"""Trained policies among other numbers of agents and subtasks."""

import re
import shutil

import pytest
from click.testing import CliRunner
from tiny_runs import write_untrained_run

from ding_alma.cli.main import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folders of runs trained with two agents and three buildings, and on small battles ('armies')."""
    folder = tmp_path_factory.mktemp("runs")
    for policy in ("alma", "aqmix", "refil", "copa", "mppo", "coma"):
        write_untrained_run(folder / policy, policy)
    write_untrained_run(folder / "heuristic", allocation=dict(source="heuristic"))
    write_untrained_run(folder / "reserve", entity=dict(extra_subtasks=2))
    write_untrained_run(folder / "no_mask", network=dict(conditioning="embed"), entity=dict(extra_subtasks=2))
    write_untrained_run(folder / "armies", config="small/smac_multiarmy_alma")
    return folder


def call(*arguments):
    return CliRunner().invoke(main, ["eval", *map(str, arguments), "--episodes", "2"])


@pytest.mark.parametrize("name", ["aqmix", "refil", "mppo", "heuristic", "reserve", "no_mask"])
def test_larger_and_smaller_teams_where_the_weights_allow(runs, name):
    result = call(runs / name, "--scenario", "BFGG+BFGG", "B+F", "BF+BFG", "--metric", "return")
    assert result.exit_code == 0, result.output
    header, _, *rows = [line for line in result.output.splitlines() if line.startswith("|")]
    assert header == "| scenario | return | episodes |" and [row.split(" | ")[0] for row in rows] == [
        "| BFGG+BFGG",
        "| B+F",
        "| BF+BFG",
    ]


def test_cities_of_ones_own_are_played(runs):
    result = call(runs / "refil", "--scenario", "{'agents': 'BFG', 'buildings': 7}", "--metric", "return")
    assert result.exit_code == 0 and "| {'agents': 'BFG', 'buildings': 7} |" in result.output, result.output


@pytest.mark.parametrize("name", ["alma", "copa"])
def test_fewer_subtasks_than_trained_are_played(runs, name):
    assert call(runs / name, "--scenario", "B+F").exit_code == 0


@pytest.mark.parametrize(
    ("name", "scenario", "message"),
    [
        ("alma", "BFGG+BFGG", "cannot play 4 agents and 5 subtasks.*embed_subtask.*extra_subtasks.*--allocation"),
        ("copa", "BFGG+BFGG", "cannot play 4 agents.*coach.*extra_subtasks to have some in reserve$"),
        ("coma", "BFGG+BFGG", "policy 'coma' cannot play 4 agents"),
        ("reserve", "BFGGG+BFGGG", "cannot play 5 agents and 6 subtasks"),
        ("armies", "2s3z", "has 33 features, the training had 30.*units of the largest"),
        ("alma", "2-5a_2-5c", "did you mean '2-5a_2-5b'"),
        ("armies", "2s3s", "did you mean '2s3z'"),
        ("armies", "BF+BF", "env.scenario must be a name, a dict such as .* got .'BF', 'BF'.$"),
        ("alma", "{'agents': 'BF', 'buildings': 9}", "cannot play 2 agents and 9 subtasks.*embed_subtask"),
        ("alma", "{'agents': 'BF', 'buildings': 0}", "env.scenario.buildings must be a number from 1 to 25"),
        ("alma", "{'agents': 'BF'", "is no Python literal"),
    ],
)
def test_what_cannot_be_played_is_said_in_one_line(runs, name, scenario, message):
    result = call(runs / name, "--scenario", scenario)
    assert result.exit_code == 1 and len(result.output.strip().splitlines()) == 1, result.output
    assert re.search(message, result.output.strip()), result.output


def test_a_wrong_metric_has_a_near_one(runs):
    result = call(runs / "refil", "--scenario", "BF+BF", "--metric", "solvd")
    assert result.exit_code == 1 and "did you mean solved" in result.output
    assert call(runs / "refil", "--metric", "solved").exit_code == 2


def test_a_folder_of_seeds_is_evaluated_seed_by_seed(runs, tmp_path):
    for seed in (0, 1, 10):
        shutil.copytree(runs / "refil", tmp_path / "refil" / f"seed{seed}")
    (tmp_path / "refil" / "seed0.log").touch()
    result = call(tmp_path / "refil")
    assert result.exit_code == 0, result.output
    tables = result.output.strip().split("\n\n")
    assert [table.splitlines()[0] for table in tables] == [
        *(str(tmp_path / "refil" / f"seed{seed}") for seed in (0, 1, 10)),
        f"3 runs in {tmp_path / 'refil'}",
    ]
    means = [next(line for line in table.splitlines() if line.startswith("return ")).split() for table in tables]
    assert [row[-1] for row in means] == ["2", "2", "2", "3"]
    # The same run three times.
    assert len({row[1] for row in means}) == 1 and float(means[-1][2]) == 0
    scenarios = call(tmp_path / "refil", "--scenario", "B+F", "--metric", "return")
    assert scenarios.output.splitlines()[0] == "| scenario | return | runs |" and "± 0.000 | 3 |" in scenarios.output


def test_several_runs_have_a_table_each(runs):
    both = call(runs / "refil", runs / "alma")
    assert both.exit_code == 0, both.output
    alone = {name: call(runs / name).output for name in ("refil", "alma")}
    assert both.output == "".join(f"\n{runs / name}:\n{table}" for name, table in alone.items())
    scenarios = call(runs / "refil", runs / "alma", "--scenario", "B+F", "BF+BF")
    assert scenarios.output.count("| BF+BF |") == 2


def test_other_folders_of_runs_are_not_taken_for_seeds(runs):
    result = call(runs)
    assert result.exit_code == 1 and f"{runs} holds several runs; name one of them, such as" in result.output
