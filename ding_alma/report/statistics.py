"""How sure the results of a few runs are: aggregates over runs and tasks with bootstrap intervals.

The scores of one method are a list with one array (n,) per task, the final score of each of its n runs (seeds). The
definitions are those of Agarwal et al. (2021), "Deep Reinforcement Learning at the Edge of the Statistical Precipice".
Every aggregate also takes many resamples at once: arrays (R, n) give (R,) values.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

Scores = Sequence[np.ndarray]
"""One array (..., n) per task; the tasks may have different numbers of runs."""
Aggregate = Callable[[Scores], np.ndarray]

RESAMPLES = 10_000
COVERAGE = 0.95
_BLOCK = 1000
"""Resamples that are held in memory at once."""


class Estimate(NamedTuple):
    """A value with its bootstrap interval; the bounds are NaN where a method has no task with two runs."""

    value: float
    low: float
    high: float


def mean(scores: Scores) -> np.ndarray:
    """The mean over tasks of the mean over a task's runs."""
    return np.stack([task.mean(-1) for task in scores]).mean(0)


def median(scores: Scores) -> np.ndarray:
    """The median over tasks of the mean over a task's runs; with a single task, the median over its runs.

    (``rliable`` returns the mean for a single task.)
    """
    if len(scores) == 1:
        return np.median(scores[0], -1)
    return np.median(np.stack([task.mean(-1) for task in scores]), 0)


def interquartile_mean(scores: Scores) -> np.ndarray:
    """The mean of the middle half of all runs of all tasks; a quarter, rounded down, is cut off at either end."""
    pooled = np.sort(np.concatenate(scores, -1), -1)
    runs = pooled.shape[-1]
    cut = runs // 4
    return pooled[..., cut : runs - cut].mean(-1)


AGGREGATES: dict[str, Aggregate] = {"mean": mean, "median": median, "IQM": interquartile_mean}


def probability_of_improvement(scores: Scores, others: Scores) -> np.ndarray:
    """How probable it is that a run of one method beats a run of the other on the same task, mean over tasks.

    Args:
        scores, others: arrays (..., n) and (..., m) of the same tasks in the same order.

    Returns:
        in [0, 1]; a tie counts half (the Mann-Whitney statistic over n * m).
    """
    shares = []
    for own, other in zip(scores, others, strict=True):
        difference = own[..., :, None] - other[..., None, :]
        shares.append(((difference > 0) + 0.5 * (difference == 0)).mean((-2, -1)))
    return np.stack(shares).mean(0)


def resampled(scores: Scores, count: int, generator: np.random.Generator) -> list[np.ndarray]:
    """Draw each task's runs anew with replacement, ``count`` times: one array (count, n) per task."""
    return [task[generator.integers(len(task), size=(count, len(task)))] for task in scores]


def bootstrap(
    statistic: Callable[..., np.ndarray],
    *groups: Scores,
    resamples: int = RESAMPLES,
    coverage: float = COVERAGE,
    seed: int = 0,
) -> Estimate:
    """A statistic of one or more methods with its stratified percentile bootstrap interval.

    Runs are drawn within their task (stratum) and method. The interval of few runs is too narrow: of the mean of normal
    scores, a 95 % interval covers the truth in about 75 % of all experiments with 3 runs, 85 % with 5, 94 % with 20.

    Args:
        statistic: takes the scores of every group; works along the last axis.
        groups: arrays (n,) per task for each method.

    Raises:
        ValueError: a task without runs.
    """
    if not all(len(task) for scores in groups for task in scores) or not all(map(len, groups)):
        raise ValueError("every task needs at least one run")
    value = float(statistic(*groups))
    if any(max(map(len, scores)) == 1 for scores in groups):
        return Estimate(value, float("nan"), float("nan"))
    generator = np.random.default_rng(seed)
    values = np.concatenate(
        [
            statistic(*(resampled(scores, min(_BLOCK, resamples - start), generator) for scores in groups))
            for start in range(0, resamples, _BLOCK)
        ]
    )
    low, high = np.quantile(values, [(1 - coverage) / 2, (1 + coverage) / 2])
    return Estimate(value, float(low), float(high))


def mean_band(
    curves: Sequence[np.ndarray], resamples: int = 2000, coverage: float = COVERAGE, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean curve with its pointwise stratified bootstrap interval.

    Args:
        curves: one array (n, P) per task: n runs on a common axis of P points, without NaN.

    Returns:
        mean, low and high, (P,) each. A run is drawn or left out as a whole curve.
    """
    generator = np.random.default_rng(seed)
    total = np.zeros((resamples, curves[0].shape[1]))
    for task in curves:
        runs = len(task)
        weights = generator.multinomial(runs, np.full(runs, 1 / runs), resamples) / runs
        total += weights @ task
    low, high = np.quantile(total / len(curves), [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
    return np.mean([task.mean(0) for task in curves], 0), low, high
