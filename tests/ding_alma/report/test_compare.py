import csv
import inspect
import json
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from report_runs import write_run

from ding_alma.cli.main import main
from ding_alma.report import picture
from ding_alma.report.comparison import compare
from ding_alma.report.curves import bands, common_end, scores
from ding_alma.report.further_formats import latex_table
from ding_alma.report.picture import draw_curves
from ding_alma.report.run_groups import read_groups, resolve_metric
from ding_alma.run.run_error import RunError
from dizoo_ext.checked_json import read_checked_json


@pytest.fixture
def runs(tmp_path):
    """Two methods: alma's two seeds end at 200 and 150 steps, the run ``rival`` at 100."""
    write_run(tmp_path / "alma" / "seed0", {0: 0.0, 100: 0.2, 200: 0.4}, seed=0)
    write_run(tmp_path / "alma" / "seed1", {0: 0.2, 50: 0.4, 150: 0.4}, seed=1)
    write_run(tmp_path / "rival", {0: 0.0, 100: 1.0}, policy="coma")
    return tmp_path


@pytest.fixture(autouse=True)
def pictures(request, monkeypatch):
    """Are laid out, but drawn only for a test that asks for this fixture: drawing takes longer than all else."""
    if "pictures" not in inspect.signature(request.function).parameters:
        monkeypatch.setattr(picture, "save_figure", lambda figure, paths: [path.touch() for path in paths])


def call(*arguments):
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def names(groups):
    return {method: [run.name for run in each] for method, each in groups.items()}


def test_seed_folders_are_one_method(runs):
    expected = {"alma": ["seed0", "seed1"], "rival": ["rival"]}
    assert names(read_groups([str(runs)])) == expected
    assert names(read_groups([f"{runs}/alma", f"{runs}/rival"])) == expected
    assert names(read_groups([f"{runs}/alma/seed0", f"{runs}/rival/evaluations.json"])) == {
        "alma": ["seed0"],
        "rival": ["rival"],
    }
    assert names(read_groups([f"A=B={runs}/alma/seed1"[2:]])) == {"B": ["seed1"]}
    assert names(read_groups([f"X={runs}/alma/seed0,{runs}/alma/seed1"])) == {"X": ["seed0", "seed1"]}


def test_folders_may_have_any_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("lr=0.1,0.2", "b,c"):
        write_run(tmp_path / name, {0: 0.0, 100: 0.2})
    assert names(read_groups(["lr=0.1,0.2", "X=b,c"])) == {"lr=0.1,0.2": ["lr=0.1,0.2"], "X": ["b,c"]}
    assert names(read_groups(["Y=lr=0.1,0.2"])) == {"Y": ["lr=0.1,0.2"]}


def test_a_run_without_training_is_named(runs):
    write_run(runs / "idle" / "seed0", {0: 0.3})
    result = call(runs, "-o", runs / "out")
    assert result.exit_code == 1 and f"run {runs}/idle/seed0 was not trained" in result.output


def test_messages_name_runs_as_the_user_did(runs, monkeypatch):
    monkeypatch.chdir(runs)
    call("alma", "-o", "out")
    write_run(runs / "city" / "seed0", {0: 0.0, 10: 0.1}, env="city")
    for first, place in (("alma", "alma/seed0"), ("out/comparison.json", "seed0 of alma in out/comparison.json")):
        message = f"cannot be compared: {place} is of toy, city/seed0 of city"
        assert message in call(first, "city", "-o", "x").output


def test_a_run_that_broke_off_is_named_where_it_sets_the_step(runs):
    assert "ends there" not in call(f"{runs}/alma", "-o", runs / "out").output
    write_run(runs / "alma" / "seed2", {0: 0.0, 20: 0.1}, seed=2)
    text = call(f"{runs}/alma", f"{runs}/rival", "-o", runs / "out").output
    assert "At 20 environment steps, the most that all runs have reached (**seed2 of alma ends there**" in text


def test_runs_of_one_name_are_kept_apart(tmp_path):
    for task, end in (("easy", 20), ("hard", 200)):
        write_run(tmp_path / task / "seed0", {0: 0.0, end: 0.1}, scenario=task)
    result = call(f"m={tmp_path}/easy,{tmp_path}/hard", "-o", tmp_path / "out")
    assert "**seed0 of m ends there**, others at up to 200" in result.output


def test_different_settings_are_told(runs):
    for folder, size in (("alma/seed0", 16), ("alma/seed1", 16), ("rival", 48)):
        env = {"map_size": size, "rewards": {"win": 1.0}, "collector_env_num": size, "manager": {"type": str(size)}}
        (runs / folder / "run_config.json").write_text(json.dumps({"main": {"env": env}, "create": {}}))
    told = "**The runs' settings differ** in `env.map_size`: 16 in alma; 48 in rival."
    text = call(f"{runs}/alma", f"{runs}/rival", "-o", runs / "out").output
    assert told in text and text.count("settings differ") == 1
    again = call(runs / "out" / "comparison.json", "-o", runs / "again").output
    assert told in again


def test_seeds_are_in_their_natural_order(tmp_path):
    for seed in (10, 2, 1):
        write_run(tmp_path / f"seed{seed}", {0: 0.0, 10: 0.0}, seed=seed)
    (found,) = read_groups([str(tmp_path)]).values()
    assert [run.seed for run in found] == [1, 2, 10]


def test_scores_at_a_budget(runs):
    groups = read_groups([str(runs)])
    everyone = [run for each in groups.values() for run in each]
    assert common_end(everyone, "solved_mean") == 100
    assert common_end(groups["alma"], "solved_mean") == 150
    # Means over steps 90 to 100: of the line from 0 to 0.2, and of the plateau.
    (values,) = scores(groups["alma"], ["toy"], "solved_mean", 100)
    assert values == pytest.approx([0.19, 0.4])
    result = compare(groups, "solved_mean")
    assert result.common["alma"].aggregates["mean"] == pytest.approx((0.295, 0.19, 0.4))
    assert result.own["alma"].steps == 150 and result.own["rival"].steps == 100
    assert all(map(math.isnan, result.improvement["rival", "alma"])), "there is one run of rival"
    # Evaluations are 10 s apart: seed0 has passed one at step 100, seed1 is half way between its second and third.
    started = [run.wall_seconds[0] for run in groups["alma"]]
    assert result.common["alma"].seconds == pytest.approx(np.mean(started) + (10 + 15) / 2)


def test_a_band_lies_where_all_runs_have_values(runs):
    band = bands(read_groups([str(runs)]), "solved_mean")["alma"]
    assert (band.axis[0], band.axis[-1]) == (0, 150)
    at = {int(step): index for index, step in enumerate(band.axis)}
    assert band.mean[at[100]] == pytest.approx(0.3)
    assert (band.low[at[100]], band.high[at[100]]) == pytest.approx((0.2, 0.4))


def test_a_band_reaches_every_end_and_single_evaluations(tmp_path):
    for name, points in {"early": {1: 0.1, 1000: 0.2}, "once": {333: 0.7}, "late": {77: 0.3, 776: 0.4}}.items():
        write_run(tmp_path / name, points)
    found = bands(read_groups([str(tmp_path)]), "solved_mean")
    assert (found["once"].axis.tolist(), found["once"].mean.tolist()) == ([333], [0.7])
    assert (found["late"].axis[0], found["late"].axis[-1]) == (77, 776)
    assert found["late"].mean[[0, -1]].tolist() == [0.3, 0.4]


def test_a_picture_shows_a_single_evaluation(tmp_path, pictures):
    write_run(tmp_path / "once", {333: 0.7})
    draw_curves(read_groups([str(tmp_path)]), ["solved_mean"], {}, "", [tmp_path / "curves.png"])
    with Image.open(tmp_path / "curves.png") as drawn:
        assert (np.asarray(drawn.convert("RGB")) == (37, 99, 168)).all(-1).sum(0)[:700].max() > 10


def test_writes_table_picture_and_numbers(runs, pictures):
    output = runs / "results" / "toy"
    line = "scripted, a=b=0.49"
    result = call(runs / "alma", runs / "rival", "-o", output, "--line", line, "--title", "Toy")
    assert result.exit_code == 0, result.output
    assert not [path for path in output.iterdir() if path.suffix in (".svg", ".pdf", ".csv", ".tex")]
    table = (output / "comparison.md").read_text()
    headings = [line for line in table.splitlines() if line.startswith("#")]
    assert headings == ["# Toy", "## episodes solved (`solved_mean`)", "## return of an episode (`return_mean`)"]
    assert "| alma | 0.29 [0.19, 0.40] |" in table and "| 2 | 100 | 0 min |" in table
    assert (
        "at least one method has only 1 run of a task" in table
        and "| alma |  | - |" in table
        and "scripted, a=b 0.49" in table
    )
    with Image.open(output / "comparison.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    for colour in ((37, 99, 168), (209, 102, 43)):
        assert (pixels == colour).all(-1).sum() > 100
    data = json.loads((output / "comparison.json").read_text())
    assert data["lines"] == {"scripted, a=b": 0.49}
    assert data["results"]["solved_mean"]["common_steps"]["rival"]["mean"]["value"] == pytest.approx(0.95)
    assert "machine" in data["groups"]["rival"][0]["parts"][0]
    assert str(runs) not in json.dumps(data)
    beats = data["results"]["solved_mean"]["probability_of_improvement"][0]
    assert beats == {"method": "alma", "over": "rival", "value": None, "low": None, "high": None}


def test_an_earlier_comparison_can_be_compared_with_new_runs(runs, tmp_path):
    call(runs / "alma", "-o", runs / "first")
    write_run(tmp_path / "new" / "seed0", {0: 0.0, 120: 0.6})
    again = read_groups([str(runs / "first" / "comparison.json"), str(tmp_path / "new")])
    assert names(again) == {"alma": ["seed0", "seed1"], "new": ["seed0"]}
    (original,) = read_groups([str(runs / "alma")]).values()
    for before, after in zip(original, again["alma"], strict=True):
        np.testing.assert_array_equal(before.metrics["return_mean"], after.metrics["return_mean"])
        np.testing.assert_array_equal(before.wall_seconds, after.wall_seconds)
        assert (before.task, before.seed, before.parts) == (after.task, after.seed, after.parts)


def test_runs_drawn_from_known_distributions_give_the_known_answer(tmp_path):
    """Flat curves: a run's score is its level, so that nothing but the draws of levels stands in the results."""
    generator = np.random.default_rng(1)
    for method, level in (("worse", 0.0), ("better", 1.0)):
        for seed, score in enumerate(generator.normal(level, 1, 60)):
            write_run(tmp_path / method / f"seed{seed}", {0: score, 100: score}, seed=seed)
    result = compare(read_groups([str(tmp_path)]), "solved_mean")
    for method, truth in (("worse", 0.0), ("better", 1.0)):
        for estimate in result.common[method].aggregates.values():
            assert estimate.low < truth < estimate.high
        width = np.subtract(*result.common[method].aggregates["mean"][:0:-1])
        assert width == pytest.approx(2 * 1.96 / math.sqrt(60), rel=0.25)
    improvement = result.improvement["better", "worse"]
    assert improvement.low < 0.7602 < improvement.high and improvement.high - improvement.low < 0.2


def test_the_layout_of_marl_eval(runs):
    call(runs / "alma", runs / "rival", "-o", runs / "out")
    layout = json.loads((runs / "out" / "marl_eval.json").read_text())
    methods = layout["toy"]["toy"]
    assert methods.keys() == {"alma", "rival"} and methods["alma"].keys() == {"seed_0", "seed_1"}
    seeds = [seed for method in methods.values() for seed in method.values()]
    # As many evaluations as the run with the fewest, up to the steps that all have reached.
    assert all(seed.keys() == {"step_0", "step_1", "absolute_metrics"} for seed in seeds)
    assert methods["alma"]["seed_1"]["step_1"] == {"step_count": 100, "solved": [0.4], "return": [4.0]}
    assert methods["rival"]["seed_0"]["absolute_metrics"]["solved"] == [pytest.approx(0.95)]


def test_tasks_are_scenarios_of_one_environment(tmp_path):
    for method in ("a", "b"):
        for seed, task in enumerate(("easy", "hard", "easy")):
            write_run(tmp_path / method / f"seed{seed}", {0: 0.0, 100: float(seed)}, seed=seed, scenario=task)
    groups = read_groups([str(tmp_path)])
    result = compare(groups, "solved_mean").common["a"]
    assert [len(task) for task in result.scores] == [2, 1]
    assert result.aggregates["mean"].value == pytest.approx(0.95)
    (tmp_path / "b" / "seed1" / "evaluations.json").unlink()
    with pytest.raises(RunError, match="b has no run on hard"):
        read_groups([str(tmp_path)])


def test_metrics_are_found_by_their_short_names(runs):
    groups = read_groups([str(runs)])
    assert resolve_metric("solved", groups) == resolve_metric("solved_mean", groups) == "solved_mean"
    with pytest.raises(RunError, match=r"no run has the metric 'solvd'; did you mean solved_mean"):
        resolve_metric("solvd", groups)


def damage(text):
    def write(runs):
        (runs / "rival" / "evaluations.json").write_text(text)

    return write


@pytest.mark.parametrize(
    ("break_it", "arguments", "message"),
    [
        (lambda runs: None, ["none"], "none does not exist"),
        (lambda runs: None, ["none.json"], "none.json does not exist"),
        (lambda runs: (runs / "empty").mkdir(), ["empty"], "empty holds no run"),
        (damage('{"evaluations": [{'), ["rival"], "damaged"),
        (damage('{"evaluations": [{}], "parts": []}'), ["rival"], "damaged.*metrics"),
        (
            damage('{"evaluations": [{"metrics": {"a": "x"}}], "parts": [], "env": "toy", "policy": "b"}'),
            ["rival"],
            "damaged",
        ),
        (damage('{"evaluations": [], "parts": []}'), ["rival"], "no evaluations yet"),
        (
            lambda runs: (runs / "c.json").write_text('{"groups": {"a'),
            ["c.json"],
            "damaged or not the file of a comparison",
        ),
        (
            lambda runs: (runs / "c.json").write_text('{"groups": [], "metrics": []}'),
            ["c.json"],
            "not the file of a comparison",
        ),
        (lambda runs: None, ["alma", "rival", "--metric", "solvd"], "did you mean solved_mean"),
        (lambda runs: None, ["alma", "--metric", "types"], "has no value of types_mean"),
        (
            lambda runs: write_run(runs / "other", {0: 0.0}, env="city"),
            ["alma", "other"],
            "different environments.*toy.*city",
        ),
        (lambda runs: None, ["A=alma/seed0,alma/seed0"], "seed 0 twice"),
        (lambda runs: None, ["=alma"], "expected .METHOD=.PATH"),
        (lambda runs: None, ["A=alma,"], "expected .METHOD=.PATH"),
        (
            lambda runs: write_run(runs / "late", {500: 0.0, 600: 0.0}),
            ["rival", "late"],
            "before 500 environment steps, where others end at 100: it or they are too short",
        ),
    ],
)
def test_what_cannot_be_compared_is_explained_in_one_line(runs, monkeypatch, break_it, arguments, message):
    break_it(runs)
    monkeypatch.chdir(runs)
    result = call(*arguments, "-o", "out")
    assert result.exit_code == 1 and len(result.output.strip().splitlines()) == 1, result.output
    assert re.search(message, result.output), result.output


def test_single_evaluations_without_a_common_step_are_the_reason(tmp_path):
    for seed, step in enumerate((90, 100)):
        write_run(tmp_path / f"seed{seed}", {0: 0.0, step: 0.1}, seed=seed, training={"q_loss": 1.0}, trained_from=step)
    (runs,) = read_groups([str(tmp_path)]).values()
    assert common_end(runs, "solved_mean") == 90
    reason = f"{tmp_path}/seed0 and {tmp_path}/seed1 have one evaluation each with such a value, and at least two"
    with pytest.raises(RunError, match=re.escape(reason)):
        common_end(runs, "q_loss")


def test_wrong_reference_lines(runs):
    result = call(runs, "-o", runs / "out", "--line", "heuristic")
    assert result.exit_code == 2 and "LABEL=NUMBER" in result.output


def test_runs_that_share_no_wall_time_are_drawn_over_steps(runs, pictures):
    record = read_checked_json(runs / "rival" / "evaluations.json")
    for point in record["evaluations"]:
        point["wall_seconds"] += 1000
    record["seed"] = 5
    (runs / "rival" / "evaluations.json").write_text(json.dumps(record))
    result = call(f"both={runs}/alma/seed0", f"both={runs}/rival/evaluations.json", "-o", runs / "out")
    assert result.exit_code == 0, result.output


def test_two_runs_on_each_side_have_a_probability(runs):
    write_run(runs / "rival2", {0: 0.0, 100: 1.0}, seed=1)
    result = call(f"A={runs}/alma", f"B={runs}/rival,{runs}/rival2", "-o", runs / "out")
    assert "| B | 1.00 [1.00, 1.00] |  |" in result.output
    assert "only 2 runs of a task" in result.output and "neither" not in result.output


def test_one_method_alone(runs, pictures):
    result = call(runs / "rival", "-o", runs / "out", "--metric", "return")
    assert result.exit_code == 0, result.output
    assert "beats" not in result.output and "| 9.50 |" in result.output
    data = json.loads((runs / "out" / "comparison.json").read_text())
    estimate = data["results"]["return_mean"]["own_steps"]["rival"]["IQM"]
    assert estimate == dict(value=pytest.approx(9.5), low=None, high=None)


def test_further_formats(runs, pictures):
    also = [word for name in ("svg", "pdf", "csv", "tex") for word in ("--also", name)]
    strange = f"50%_of $\\alpha={runs}/rival"
    result = call(runs / "alma", strange, "-o", runs / "out", *also)
    assert result.exit_code == 0 and "comparison.md, .png, .json, .svg, .pdf, .csv, .tex" in result.output
    vector = (runs / "out" / "comparison.svg").read_bytes()
    assert ElementTree.fromstring(vector).tag.endswith("svg")
    assert (runs / "out" / "comparison.pdf").read_bytes().startswith(b"%PDF")
    with open(runs / "out" / "comparison.csv", newline="") as file:
        rows = {(row["metric"], row["at"], row["method"]): row for row in csv.DictReader(file)}
    alma = rows["solved_mean", "common_steps", "alma"]
    data = json.loads((runs / "out" / "comparison.json").read_text())
    mean = data["results"]["solved_mean"]["common_steps"]["alma"]["mean"]
    assert [float(alma[f"mean{end}"]) for end in ("", "_low", "_high")] == [mean[name] for name in mean]
    rival = rows["return_mean", "own_steps", "50%_of $\\alpha"]
    assert (rival["runs"], rival["env_steps"], rival["IQM_low"]) == ("1", "100", "")
    with open(runs / "out" / "improvement.csv", newline="") as file:
        assert next((row["method"], row["probability"]) for row in csv.DictReader(file)) == ("alma", "")
    table = (runs / "out" / "comparison.tex").read_text()
    assert r"50\%\_of \$\textbackslash{}alpha & - &" in table
    assert r"50\%\_of \$\textbackslash{}alpha & 0.95 & 0.95 & 0.95 & 1 & 100 &" in table
    assert r"\caption{Episodes solved at 100" in table
    assert table.count(r"\begin{table}") == table.count(r"\end{table}") == 6
    call(runs / "alma", strange, "-o", runs / "out", "--also", "svg")
    assert (runs / "out" / "comparison.svg").read_bytes() == vector, "equal pictures are equal files"


def test_a_row_of_latex_begins_with_no_argument_of_the_row_before():
    lines = latex_table([["method", "x"], ["[best]", "1"], ["*", "2"]], "c").splitlines()
    assert r"{}[best] & 1 \\" in lines and r"{}* & 2 \\" in lines
