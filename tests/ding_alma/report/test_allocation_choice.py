"""Agents of one run under the allocator of another, or under a rule."""

import copy
import shutil

import pytest
import torch
from click.testing import CliRunner
from tiny_runs import tiny_config, train

from ding_alma.cli.main import main
from ding_alma.report import play
from ding_alma.report.allocation_choice import choose_allocation
from ding_alma.report.play import Run, load_run
from ding_alma.run.checkpoint import BEST_CHECKPOINT
from ding_alma.run.run_error import RunError

EPISODES = 4


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Folder of the tiny runs 'learned', 'heuristic' and 'refil'."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for seed, name in enumerate(("learned", "heuristic", "refil")):
            config, create = tiny_config("refil" if name == "refil" else "alma")
            config.exp_name = name
            if name == "heuristic":
                config.policy.allocation.source = name
            train(config, create, seed, iterations=2)
    return folder


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def play_of(monkeypatch):
    """Run -> what every agent was allocated to and did, step by step, in a few episodes."""
    act, outputs = play._act, []

    def recorded(policy, observations):
        chosen = act(policy, observations)
        outputs.extend((i, choice["allocation"].tolist(), choice["action"].tolist()) for i, choice in chosen.items())
        return chosen

    def played(run):
        outputs.clear()
        play.evaluate(run, EPISODES, seed=0)
        return list(outputs)

    monkeypatch.setattr(play, "_act", recorded)
    return played


@pytest.fixture
def run_of(monkeypatch):
    """Arguments of ``ding-alma eval`` -> the run that it would evaluate."""
    given = []

    def chosen(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr("ding_alma.report.play.evaluate", lambda run, *_: given.append(run) or [{"return": 0.0}])
            result = call("eval", *arguments)
        assert result.exit_code == 0, result.output
        return given.pop()

    return chosen


def with_agents_of(run, other):
    """The paper's way: the whole run, its agents overwritten."""
    model = {
        name: (other if name.startswith("value_network.agent.") else run).state["model"][name]
        for name in run.state["model"]
    }
    return Run(run.config, {"model": model})


def test_agents_work_under_the_allocator_of_another_run(runs, play_of, run_of):
    learned, heuristic = (load_run(runs / name) for name in ("learned", "heuristic"))
    mixed = play_of(run_of(runs / "heuristic", "--allocator", runs / "learned"))
    assert mixed == play_of(with_agents_of(learned, heuristic))
    assert mixed == play_of(run_of(runs / "heuristic", "--allocator", runs / "learned" / "ckpt" / BEST_CHECKPOINT))
    assert mixed != play_of(heuristic) and mixed != play_of(learned)


def test_a_run_under_its_own_allocator_is_itself(runs, play_of, run_of):
    own = play_of(run_of(runs / "learned"))
    assert own == play_of(run_of(runs / "learned", "--allocator", runs / "learned", "--allocation", "learned"))
    assert own == play_of(run_of(runs / "learned", "--allocation", "learned"))


@pytest.mark.parametrize("source", ["heuristic", "random"])
def test_agents_that_knew_an_allocator_work_under_a_rule(runs, play_of, run_of, source):
    learned, heuristic = (load_run(runs / name) for name in ("learned", "heuristic"))
    rule = copy.deepcopy(heuristic)
    rule.config.policy.allocation.source = source
    ruled = play_of(run_of(runs / "learned", "--allocation", source))
    assert ruled == play_of(with_agents_of(rule, learned))
    assert ruled != play_of(learned)


def test_the_clock_is_the_allocator_s(runs):
    learned, heuristic = (load_run(runs / name) for name in ("learned", "heuristic"))
    learned.config.policy.allocation.period = 7
    assert choose_allocation(heuristic, learned).config.policy.allocation.period == 7
    assert heuristic.config.policy.allocation.source == "heuristic"


def test_mixed_runs_can_be_drawn(runs, tmp_path):
    result = call("render", runs / "heuristic", "--allocator", runs / "learned", "-o", tmp_path / "mixed.gif")
    assert result.exit_code == 0 and (tmp_path / "mixed.gif").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("heuristic", "--allocation", "learned"), "no allocator in a run trained with 'heuristic'"),
        (("learned", "--allocator", "heuristic"), "no allocator in a run trained with 'heuristic'"),
        (("refil", "--allocator", "learned"), "the run has policy 'refil', which allocates nobody"),
        (("learned", "--allocator", "refil"), "the allocator's run has policy 'refil'"),
        (("learned", "--allocator", "learned", "--allocation", "random"), "'random' need no allocator"),
        (("learned", "--allocator", "nowhere"), "nowhere does not exist"),
    ],
)
def test_what_cannot_be_mixed_is_explained(runs, monkeypatch, arguments, message):
    monkeypatch.chdir(runs)
    result = call("eval", *arguments)
    assert result.exit_code == 1
    assert message in result.output


@pytest.mark.parametrize(
    ("path", "value"),
    [("entity.features", 59), ("entity.subtasks", 4), ("network.attention_heads", 4), ("network.popart", False)],
)
def test_allocators_of_other_sizes_are_refused(runs, path, value):
    learned, heuristic = (load_run(runs / name) for name in ("learned", "heuristic"))
    block, key = path.split(".")
    learned.config.policy[block][key] = value
    with pytest.raises(RunError, match=rf"policy.{path} is .* in the run and {value} in the allocator's"):
        choose_allocation(heuristic, learned)


def test_a_checkpoint_that_lost_its_allocator_is_explained(runs, tmp_path):
    shutil.copytree(runs / "learned", tmp_path / "run")
    path = tmp_path / "run" / "ckpt" / BEST_CHECKPOINT
    state = torch.load(path, weights_only=True)
    state["model"] = {name: value for name, value in state["model"].items() if not name.startswith("allocator.")}
    torch.save(state, path)
    assert "does not fit" in call("eval", tmp_path / "run").output
    assert call("eval", tmp_path / "run", "--allocation", "random", "--episodes", 1).exit_code == 0
