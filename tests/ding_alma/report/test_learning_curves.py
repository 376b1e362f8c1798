import json

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from ding_alma.report.run_record import RunRecord
from ding_alma.report.scalars import Evaluation

SCRIPT = "learning_curves"


@pytest.fixture
def runs(tmp_path):
    """Two seeds of one experiment with evaluations at different steps."""
    for seed, points in enumerate([{0: 0.0, 100: 0.2, 200: 0.4}, {0: 0.2, 50: 0.4, 150: 0.4}]):
        record = RunRecord(tmp_path / f"s{seed}" / "evaluations.json", {"seed": seed, "policy": "alma", "env": "toy"})
        for step, value in points.items():
            metrics = {"solved_mean": value, "return_mean": 10 * value, "types_mean": float("nan")}
            record.add(Evaluation(step, step // 10, metrics))
    return tmp_path


def test_mean_over_seeds_on_their_common_range(benchmark_script, runs):
    records = [benchmark_script.read_record(runs / name) for name in ("s0", "s1")]
    curve = benchmark_script.common_curve(records, "solved_mean")
    assert curve.env_steps.tolist() == [0, 50, 100, 150, 200]
    np.testing.assert_allclose(curve.values, [[0, 0.1, 0.2, 0.3, 0.4], [0.2, 0.4, 0.4, 0.4, np.nan]])
    mean = benchmark_script.mean_where_all(curve)
    assert mean.env_steps.tolist() == [0, 50, 100, 150]
    np.testing.assert_allclose(mean.values, [0.1, 0.25, 0.3, 0.35])


def test_a_metric_that_is_always_missing_gives_an_empty_curve(benchmark_script, runs):
    curve = benchmark_script.common_curve([benchmark_script.read_record(runs / "s0")], "types_mean")
    assert curve.values.shape == (1, 0)


def test_writes_picture_and_numbers(benchmark_script, runs):
    output = runs / "results" / "toy.v1"
    arguments = [f"ALMA={runs}/s0,{runs}/s1", f"{runs}/s1", "-o", output, "--line", "a=b=0.49", "--title", "Toy"]
    result = CliRunner().invoke(benchmark_script.main, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    with Image.open(runs / "results" / "toy.v1.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    blue, orange = (37, 99, 168), (209, 102, 43)
    for colour in (blue, orange):
        assert (pixels == colour).all(-1).sum() > 100
    numbers = json.loads((runs / "results" / "toy.v1.json").read_text())
    assert numbers["lines"] == {"a=b": 0.49}
    assert [run["seed"] for run in numbers["groups"]["ALMA"]] == [0, 1]
    assert numbers["groups"]["s1"][0]["points"][1]["solved_mean"] == 0.4
    assert "machine" in numbers["groups"]["s1"][0]["parts"][0]
    assert str(runs) not in json.dumps(numbers["groups"])


def test_unknown_metric_names_the_known_ones(benchmark_script, runs):
    result = CliRunner().invoke(benchmark_script.main, [str(runs / "s0"), "-o", "x", "--metric", "won_mean"])
    assert result.exit_code == 1 and "return_mean, solved_mean, types_mean" in result.output


def test_folder_without_a_record(benchmark_script, tmp_path):
    result = CliRunner().invoke(benchmark_script.main, [str(tmp_path), "-o", "x"])
    assert result.exit_code == 1 and "evaluations.json is missing" in result.output


@pytest.mark.parametrize("text", ["a=", "=b", "a=b,"])
def test_wrong_groups(benchmark_script, text):
    with pytest.raises(click.BadParameter, match="LABEL=DIR"):
        benchmark_script.parse_group(text)


def test_wrong_lines(benchmark_script):
    with pytest.raises(click.BadParameter, match="LABEL=NUMBER"):
        benchmark_script.parse_line("heuristic")
