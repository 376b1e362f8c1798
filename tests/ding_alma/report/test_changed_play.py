"""Trained teams under other rules than those of the training."""

import pytest
from click.testing import CliRunner
from easydict import EasyDict
from tiny_runs import tiny_config, train

import ding_alma
from ding_alma.cli.main import main
from ding_alma.registration import register_all
from ding_alma.report.changed_play import change_play
from ding_alma.report.play import Run, evaluate, load_run
from ding_alma.run.run_error import RunError


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folder of the tiny runs 'alma' and 'refil'."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for seed, name in enumerate(("alma", "refil")):
            config, create = tiny_config(name)
            config.exp_name = name
            train(config, create, seed, iterations=2)
    return folder


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_changes_reach_the_environment_and_the_clock(runs):
    run = load_run(runs / "alma")
    changed = change_play(run, ["env.episode_limit=7", "policy.allocation.period=2"])
    assert changed.config.policy.allocation.period == 2
    assert {episode["episode_length"] for episode in evaluate(changed, 4, seed=0)} == {7.0}
    assert run.config.env.episode_limit != 7, "the run itself must stay as it is"
    assert change_play(run, []) is run
    assert evaluate(change_play(run, ["policy.allocation.period=90"]), 4, seed=0), "longer than a training sequence"


def test_a_change_is_read_like_an_option_of_training(runs):
    changed = change_play(load_run(runs / "refil"), ["env.scenario=BF+BG", "env.game_config.width=9"]).config.env
    assert changed.scenario == ["BF", "BG"]
    assert changed.game_config.width == 9


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("alma", "policy.learn.batch_size=4", "policy.learn.batch_size cannot be changed.*env.episode_limit.*period"),
        ("alma", "env.episode_limt=4", "env.episode_limt cannot be changed.*env.episode_limit"),
        ("alma", "env.observation=flat", "env.observation cannot be changed"),
        ("alma", "env.collector_env_num=4", "env.collector_env_num cannot be changed"),
        ("alma", "env={}", "env cannot be changed"),
        ("alma", "env.n_evaluator_episode=4", "use --episodes"),
        ("alma", "policy.allocation.source=random", "use --allocation"),
        ("alma", "env.episode_limit=long", "must be of type int"),
        ("alma", "policy.allocation.period", "expected dotted.key=value"),
        ("refil", "policy.allocation.period=2", "policy.allocation.period cannot be changed"),
    ],
)
def test_what_has_no_effect_is_refused(runs, name, change, message):
    with pytest.raises(RunError, match=message):
        change_play(load_run(runs / name), [change])


def test_the_rule_s_style_is_for_those_whom_the_rule_allocates():
    register_all()
    main = EasyDict(env=dict(type="smac_multiarmy"), policy=dict(type="alma", allocation=dict(source="learned")))
    with pytest.raises(RunError, match="no effect unless the rule allocates: --allocation heuristic"):
        change_play(Run(main, {}), ["env.heuristic_style=dynamic"])
    main.policy.allocation.source = "heuristic"
    assert change_play(Run(main, {}), ["env.heuristic_style=dynamic"]).config.env.heuristic_style == "dynamic"


def test_the_commands_take_changes_behind_the_checkpoint(runs, tmp_path):
    played = call("eval", runs / "alma", "--episodes", 2, "env.episode_limit=7")
    assert played.exit_code == 0, played.output
    (length,) = [line.split()[1] for line in played.output.splitlines() if line.startswith("episode_length")]
    assert float(length) == 7
    drawn = call("render", runs / "alma", "env.episode_limit=7", "-o", tmp_path / "short.gif")
    assert "8 frames" in drawn.output
    refused = call("eval", runs / "alma", "policy.allocation.period=0", "--episodes", 2)
    assert refused.exit_code == 1
    assert "Error: the policy refuses its configuration: policy.allocation.period" in refused.output
    assert "name a CHECKPOINT" in call("eval", "env.episode_limit=7").output


def test_a_checkpoint_may_have_an_equals_sign_in_its_name(runs, tmp_path):
    (tmp_path / "lr=1").symlink_to(runs / "refil")
    assert call("eval", tmp_path / "lr=1", "--episodes", 1).exit_code == 0


def test_a_team_in_python_takes_changes(runs):
    team = ding_alma.load(runs / "alma", changes={"env.episode_limit": 7})
    assert set(team.evaluate(2)["episode_length"]) == {7.0}
