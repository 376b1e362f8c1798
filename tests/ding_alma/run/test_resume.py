"""A run that was broken off and resumed is the run that was not."""

import copy
import multiprocessing
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from pretended_gpu import PretendedGpu
from resumed_runs import POLICIES, differences, end_by_kill, end_of, resumable_config, resume
from tiny_runs import last_checkpoint, train

import ding_alma.rl.captured_update as captured_update
from ding_alma.run.checkpoint import LAST_CHECKPOINT
from ding_alma.run.training import plan_resume


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def runs(main, create, breaks, last):
    """Train without a break in ``whole`` and with breaks in ``broken``; returns the ends of both."""
    whole, parts = copy.deepcopy(main), copy.deepcopy(main)
    whole.exp_name, parts.exp_name = "whole", "broken"
    train(whole, create, seed=3, iterations=last)
    for iterations in (*breaks, last):
        train(parts, create, seed=3, iterations=iterations)
        resume(parts, "broken")
    ends = end_of("whole"), end_of("broken")
    # A part that comes to its end is evaluated there, and nothing else may come of it.
    common = {point[:2] for point in ends[0]["evaluations"]}
    ends[1]["evaluations"] = [point for point in ends[1]["evaluations"] if point[:2] in common]
    return ends


@pytest.mark.parametrize("policy", POLICIES)
def test_a_run_with_breaks_ends_as_one_without(policy):
    whole, broken = runs(*resumable_config(policy), breaks=(5, 8), last=14)
    assert [*differences(whole, broken)] == []
    assert len(whole["evaluations"]) >= 3 and whole["checkpoint"]["last_iter"] >= 14


@pytest.mark.parametrize("manager", ["vector", "base"])
def test_breaks_between_two_evaluations_change_none(manager):
    main, create = resumable_config("alma", manager)
    main.policy.eval.evaluator.eval_freq = 8
    whole, broken = runs(main, create, breaks=(3, 6), last=10)
    assert [*differences(whole, broken)] == []
    assert [train_iter for _, train_iter, _ in whole["evaluations"]] == [0, 8, 10]


@pytest.mark.parametrize(
    ("policy", "capture"),
    [("refil", True), *(pytest.param("alma", capture, marks=pytest.mark.slow) for capture in (False, True))],
)
def test_a_run_with_a_break_on_a_gpu_ends_as_one_without(policy, capture, monkeypatch):
    monkeypatch.setattr(captured_update, "WARM_UP", 1)
    main, create = resumable_config(policy)
    main.policy.cuda = True
    main.policy.learn.capture = capture
    main.policy.other.replay_buffer.device = "cuda"
    with PretendedGpu() as gpu:
        whole, broken = runs(main, create, breaks=(2,), last=4)
        assert [*differences(whole, broken)] == []
        # The whole run and both parts of the other record their own, and replay it.
        graphs = 3 * (1 if policy == "refil" else 2) if capture else 0
        assert [graph.replays > 0 for graph in gpu.graphs] == [True] * graphs
    assert whole["checkpoint"]["last_iter"] >= 4


def killed_runs(policy, kills, generator, iterations):
    """Train, by ``ding-alma train --resume`` after every kill, in forked processes; returns how often one was killed.

    Half of the kills come at a random time, half at a random write.
    """
    main, create = resumable_config(policy)
    context = multiprocessing.get_context("fork")
    killed, seconds = 0, 0.2
    while True:
        if (Path("broken") / "run_config.json").exists():
            (job,) = plan_resume(Path("broken"))
            parts = job.main, job.create
        else:
            shutil.rmtree("broken", ignore_errors=True)
            main.exp_name = "broken"
            parts = main, create
        by_write = killed < kills and bool(generator.integers(2))
        process = context.Process(
            target=_train_until_killed, args=(*parts, iterations, by_write, generator.spawn(1)[0])
        )
        begun = time.monotonic()
        process.start()
        process.join(generator.uniform(0, seconds) if killed < kills and not by_write else None)
        if process.is_alive():
            process.kill()
            process.join()
        seconds = max(seconds, 2 * (time.monotonic() - begun))
        if process.exitcode == 0:
            return killed
        assert process.exitcode == -signal.SIGKILL
        if has_ended(Path("broken"), iterations):
            # The commands do not resume such a run, which would train on.
            shutil.rmtree("broken")
            killed = 0
        else:
            killed += 1


def has_ended(run, iterations):
    """Whether a run was killed after all of its training."""
    return (run / "ckpt" / LAST_CHECKPOINT).is_file() and last_checkpoint(run)["last_iter"] >= iterations


def _train_until_killed(main, create, iterations, by_write, generator):
    if by_write:
        end_by_kill(0.05, generator)
    train(main, create, seed=3, iterations=iterations)


def check_kills(policy, kills, seed, iterations=24):
    """Kill runs, one after the other, so many times in all; each ends as one that nobody killed."""
    main, create = resumable_config(policy)
    main.exp_name = "whole"
    train(main, create, seed=3, iterations=iterations)
    whole, killed, generator = end_of("whole"), 0, np.random.default_rng(seed)
    while killed < kills:
        shutil.rmtree("broken", ignore_errors=True)
        killed += killed_runs(policy, kills - killed, generator, iterations)
        assert [*differences(whole, end_of("broken"))] == []
        assert [*Path("broken").rglob("*.part")] == []


@pytest.mark.parametrize("policy", ["alma", "mppo"])
def test_a_killed_run_ends_as_one_that_was_not(policy):
    check_kills(policy, kills=3, seed=1, iterations=12)


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_fifty_kills_lose_no_run(policy):
    check_kills(policy, kills=50, seed=2)
