"""Learning curves of several runs on one axis, and the score that a run is judged by."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ding_alma.report.run_groups import FinishedRun, Groups, tasks_of
from ding_alma.report.statistics import mean_band
from ding_alma.run.run_error import RunError

POINTS = 201
"""Points of the common axis at equal distances; the ends of runs are further ones."""
SCORE_SHARE = 0.1
"""A run's score is the mean of its curve over this last share of the steps."""


class Band(NamedTuple):
    """The mean curve of a method with its 95 % interval; all (P,)."""

    axis: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def metric_curve(run: FinishedRun, metric: str, by_time: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Environment steps (or seconds, ``by_time``) and values of the evaluations that have the metric."""
    values = run.metrics[metric]
    has_value = ~np.isnan(values)
    axis = run.wall_seconds if by_time else run.env_steps
    return axis[has_value], values[has_value]


def metric_at(run: FinishedRun, metric: str, axis: np.ndarray, by_time: bool = False) -> np.ndarray:
    """The run's values at ``axis`` (P,), by linear interpolation; NaN outside its own range."""
    steps, values = metric_curve(run, metric, by_time)
    if not len(steps):
        return np.full(len(axis), np.nan)
    return np.interp(axis, steps, values, left=np.nan, right=np.nan)


def common_end(runs: Iterable[FinishedRun], metric: str) -> float:
    """The most environment steps that each of the runs has been evaluated at.

    Raises:
        RunError: a run has no value of the metric, or none within those steps.
    """
    runs = list(runs)
    steps = [metric_curve(run, metric)[0] for run in runs]
    for run, own in zip(runs, steps, strict=True):
        if not len(own):
            raise RunError(f"run {run.place} (policy {run.policy}) has no value of {metric} in any evaluation")
    end = min(own[-1] for own in steps)
    for run, own in zip(runs, steps, strict=True):
        if own[0] > end:
            apart = [(each, its) for each, its in zip(runs, steps, strict=True) if each is run or its[-1] == end]
            single = [each.place for each, its in apart if len(its) == 1]
            raise RunError(
                f"run {run.place} (policy {run.policy}) has no value of {metric} before {own[0]:,.0f} environment "
                f"steps, where others end at {end:,.0f}: {_single(single) if single else 'it or they are too short'}; "
                "resume them for more steps"
            )
    return float(end)


def _single(places: list[str]) -> str:
    """Why runs have no steps in common, where these have a value at one step only."""
    have = "has one evaluation" if len(places) == 1 else "have one evaluation each"
    return f"{' and '.join(places)} {have} with such a value, and at least two are needed"


def scores(runs: list[FinishedRun], tasks: list[str], metric: str, end: float) -> list[np.ndarray]:
    """The score of every run at a budget of ``end`` steps, one array (n,) per task.

    A score is the mean of the run's curve over the last `SCORE_SHARE` of the budget, as far as it has been evaluated.
    """
    window = np.linspace((1 - SCORE_SHARE) * end, end, 11)
    return [
        np.array([np.nanmean(metric_at(run, metric, window)) for run in runs if run.task == task]) for task in tasks
    ]


def seconds_at(run: FinishedRun, env_step: float) -> float:
    """Wall time from the start of the run to an environment step, interpolated between evaluations."""
    return float(np.interp(env_step, run.env_steps, run.wall_seconds))


def bands(groups: Groups, metric: str, by_time: bool = False) -> dict[str, Band]:
    """Method -> its mean curve where all of its runs have values, on one axis for all methods."""
    own = [metric_curve(run, metric, by_time)[0] for runs in groups.values() for run in runs]
    ends = np.array([(each[0], each[-1]) for each in own])
    # Curves are drawn to their ends, and those of a single evaluation at all.
    axis = np.union1d(np.linspace(ends.min(), ends.max(), POINTS), ends)
    result = {}
    for method, runs in groups.items():
        values = [
            np.stack([metric_at(run, metric, axis, by_time) for run in runs if run.task == task])
            for task in tasks_of(groups)
        ]
        everyone = ~np.isnan(np.concatenate(values)).any(0)
        result[method] = Band(axis[everyone], *mean_band([task[:, everyone] for task in values]))
    return result
