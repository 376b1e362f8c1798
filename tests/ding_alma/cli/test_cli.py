import json
import re
import shutil

import numpy as np
import pytest
import torch
import toy_env
from click.testing import CliRunner
from ding.entry import serial_pipeline
from PIL import Image
from toy_run import toy_config

from ding_alma.cli.main import main
from ding_alma.report.play import evaluate, load_run, summarise
from ding_alma.run.hooks import register_hooks
from ding_alma.run.run_error import RunError
from dizoo_ext.checked_json import read_checked_json


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run's folder."""
    register_hooks()
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        serial_pipeline(toy_config(), seed=3, max_train_iter=6)
    return folder / "toy_run"


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_eval_prints_a_table(trained):
    result = call("eval", trained, "--episodes", 7)
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines()[1:]}
    assert rows.keys() == {"return", "solved", "length"}
    assert all(row[2] == "7" for row in rows.values())
    assert call("eval", trained, "--episodes", 7).output == result.output
    assert call("eval", trained, "--episodes", 7, "--seed", 1).output != result.output


def test_eval_plays_the_share_of_every_environment(trained, monkeypatch):
    monkeypatch.setattr("ding_alma.report.play.EVALUATION_ENVS", 3)
    assert len(evaluate(load_run(trained), episodes=8, seed=0)) == 8


def test_eval_from_a_config_file(trained, tmp_path):
    config = tmp_path / "config.py"
    config.write_text("from toy_run import toy_config\nmain_config, create_config = toy_config()\n")
    alone = shutil.copy(trained / "ckpt" / "ckpt_last.pth.tar", tmp_path / "alone.pth.tar")
    with_config = call("eval", alone, "--config", config, "--episodes", 5)
    assert with_config.exit_code == 0, with_config.output
    assert with_config.output == call("eval", trained / "ckpt" / "ckpt_last.pth.tar", "--episodes", 5).output


def test_render_writes_every_state(trained, tmp_path, monkeypatch):
    drawn = []
    draw = toy_env.ToyVector.render
    monkeypatch.setattr(
        toy_env.ToyVector, "render", lambda self, *args: drawn.append(args) or np.roll(draw(self), len(drawn), 0)
    )
    path = tmp_path / "new" / "film.gif"
    result = call("render", trained, "-o", path, "--episodes", 2, "--fps", 10, "--size", 80)
    assert result.exit_code == 0, result.output
    lengths = next(line for line in result.output.splitlines() if line.startswith("length")).split()
    steps = round(float(lengths[1]) * 2)
    assert len(drawn) == steps + 2
    with Image.open(path) as film:
        assert film.n_frames > 1 and film.info["duration"] % 100 == 0 and film.size == (32, 80)


def test_missing_numbers_are_dashes(trained, monkeypatch):
    monkeypatch.setattr("ding_alma.report.play.evaluate", lambda *_: [{"types": float("nan")}])
    assert call("eval", trained).output.splitlines()[1].split() == ["types", "-", "-", "0"]


def test_render_draws_the_allocation_of_the_policy(trained, tmp_path, monkeypatch):
    allocations = []
    monkeypatch.setattr(
        toy_env.ToyVector,
        "render",
        lambda self, env, allocation: allocations.append(allocation) or np.zeros((4, 4, 3), np.uint8),
    )
    import ding_alma.report.play as play

    act = play._act
    counter = iter(range(1000))

    def act_with_allocation(policy, observations):
        outputs = act(policy, observations)
        return {i: {**output, "allocation": torch.full((4,), next(counter))} for i, output in outputs.items()}

    monkeypatch.setattr(play, "_act", act_with_allocation)
    (episode,) = play.film(load_run(trained), episodes=1, seed=0)
    assert np.array_equal(episode.allocation, allocations)
    shown = [int(allocation[0]) for allocation in allocations]
    assert shown == [*range(len(shown) - 1), len(shown) - 2]


@pytest.mark.parametrize(
    ("break_it", "arguments", "message"),
    [
        (lambda run: None, ["ckpt/none.pth.tar"], "does not exist; newest in .*ckpt_last"),
        (lambda run: None, [".", "none"], "run or checkpoint none does not exist"),
        (lambda run: (run / "ckpt/ckpt_best.pth.tar").write_bytes(b"half"), ["."], "cannot be read"),
        (lambda run: torch.save({"a": 1}, run / "ckpt/ckpt_best.pth.tar"), ["."], "no key 'model'"),
        (
            lambda run: torch.save({"model": {"a": torch.zeros(1)}}, run / "ckpt/ckpt_best.pth.tar"),
            ["."],
            "does not fit the configuration of policy 'coma'",
        ),
        (lambda run: (run / "run_config.json").unlink(), ["."], "--config"),
        (lambda run: (run / "run_config.json").write_text("{"), ["."], "damaged"),
        (lambda run: shutil.rmtree(run / "ckpt"), ["."], "no ckpt_best.pth.tar or ckpt_last.pth.tar"),
        (lambda run: None, [".", "--scenario", "x"], "has no scenarios"),
        (lambda run: None, [".", "--config", "none.py"], "none.py does not exist"),
    ],
)
def test_broken_runs_are_explained(copy, monkeypatch, break_it, arguments, message):
    break_it(copy)
    monkeypatch.chdir(copy)
    result = call("eval", *arguments)
    assert result.exit_code == 1
    assert re.search(message, result.output), result.output
    assert len(result.output.strip().splitlines()) == 1, result.output


def test_a_checkpoint_of_other_sizes_is_explained(copy):
    run = load_run(copy)
    run.config.policy.model.actor_hidden_size_list = [16, 16]
    with pytest.raises(RunError, match="does not fit"):
        evaluate(run, 1, 0)


def test_a_scenario_of_other_sizes_is_explained(copy, monkeypatch):
    kept = read_checked_json(copy / "run_config.json")
    kept["main"]["env"]["scenario"] = "small"
    (copy / "run_config.json").write_text(json.dumps(kept))

    class ScenarioEnv(toy_env.ToyEnv):
        config = dict(
            # (str) 'small' or 'large'.
            scenario="small"
        )

        @classmethod
        def make_vector_env(cls, cfg, num_envs):
            monkeypatch.setattr(toy_env, "FEATURES", 3 if cfg.scenario == "small" else 5)
            return super().make_vector_env(cfg, num_envs)

    for module in ("play", "scenario_sizes"):
        monkeypatch.setattr(f"ding_alma.report.{module}.get_env_cls", lambda cfg: ScenarioEnv)
    first = call("eval", copy, "--episodes", 1, "--scenario", "small")
    assert first.exit_code == 0, first.output
    result = call("eval", copy, "--episodes", 1, "--scenario", "large")
    assert result.exit_code == 1
    assert "cannot play scenario 'large'" in result.output


def test_render_refuses_other_formats(copy, tmp_path):
    result = call("render", copy, "-o", tmp_path / "film.avi")
    assert result.exit_code == 1 and "must end with .gif or .mp4" in result.output


def test_summary_leaves_nan_out():
    summary = summarise([{"a": 1.0, "b": float("nan")}, {"a": 3.0, "b": 5.0}, {"a": 5.0, "b": float("nan")}])
    assert summary["a"] == (pytest.approx(3.0), pytest.approx(2 / np.sqrt(3)), 3)
    assert summary["b"][0] == 5.0 and np.isnan(summary["b"][1]) and summary["b"][2] == 1
