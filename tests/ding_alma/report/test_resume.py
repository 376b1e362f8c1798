"""A run that was broken off and resumed is the run that was not."""

import copy

import pytest
from resumed_runs import POLICIES, differences, end_of, resumable_config, resume
from tiny_runs import train


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
    return end_of("whole"), end_of("broken")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_run_with_breaks_ends_as_one_without(policy):
    whole, broken = runs(*resumable_config(policy), breaks=(5, 12), last=20)
    assert [*differences(whole, broken)] == []
    assert len(whole["evaluations"]) >= 3 and whole["checkpoint"]["last_iter"] >= 20
