"""The trained runs under docs/results/checkpoints still open, and play as well as they are said to."""

from pathlib import Path

import pytest
import torch

from ding_alma.report.play import evaluate, load_run

RUNS = Path(__file__).parents[1] / "docs" / "results" / "checkpoints"
LEAST = {
    "fast_group_matching_refil": ("solved", 0.95),
    "fast_save_the_city_alma": ("solved", 0.5),
    "fast_smac_multiarmy_alma": ("battle_won", 0.25),
    "group_matching_refil": ("solved", 0.9),
    "lbf_alma": ("solved", 0.6),
    "rware_alma": ("return", 14.0),
    "save_the_city_alma": ("solved", 0.8),
    "smac_multiarmy_alma": ("return", 9.0),
    "smac_multiarmy_heuristic": ("return", 10.0),
}
"""Metric, and what its mean of 64 episodes exceeds by several standard errors."""


def test_every_run_is_checked():
    assert {path.name for path in RUNS.iterdir()} == set(LEAST)


@pytest.mark.parametrize("name", LEAST)
def test_a_shipped_run_is_small_and_plays_well(name):
    if name.startswith(("lbf", "rware")):
        pytest.importorskip("lbforaging" if name.startswith("lbf") else "rware", reason="the extra is not installed")
    checkpoint = RUNS / name / "ckpt" / "ckpt_best.pth.tar"
    assert checkpoint.stat().st_size < 1_000_000
    metric, least = LEAST[name]
    episodes = evaluate(load_run(RUNS / name), 64, 1000)
    assert sum(episode[metric] for episode in episodes) / 64 > least


def test_an_evaluation_is_repeated_by_its_seed_alone():
    """The learned allocator samples proposals also when it is evaluated."""
    run = load_run(RUNS / "save_the_city_alma")

    def returns(seed):
        return [episode["return"] for episode in evaluate(run, 16, seed)]

    torch.manual_seed(5)
    drawn = torch.rand(2)
    torch.manual_seed(5)
    assert torch.rand(1) == drawn[0]
    first = returns(1000)
    assert torch.rand(1) == drawn[1]
    assert returns(1000) == first
    assert returns(2000) != first
