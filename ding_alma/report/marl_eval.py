"""Runs in the layout that the package ``marl-eval`` reads (Gorsane et al., 2022)."""

from typing import Any

import numpy as np

from ding_alma.report.comparison import MetricResult
from ding_alma.report.curves import metric_at, metric_curve
from ding_alma.report.run_groups import FinishedRun, Groups, tasks_of


def marl_eval_layout(groups: Groups, results: dict[str, MetricResult]) -> dict[str, Any]:
    """``{environment: {task: {method: {seed: {step_k: {step_count, metric: [value]}, absolute_metrics: {...}}}}}}``.

    That package wants equally many evaluations of every run. Curves are therefore read off, by linear interpolation, at
    as many equally spaced steps as the run with the fewest evaluations has, up to the most that all runs have reached.
    A value is the mean of an evaluation's episodes. ``absolute_metrics`` holds a run's score (`curves.scores`), not the
    paper's re-evaluation of the best checkpoint with ten times as many episodes.
    """
    runs = [run for each in groups.values() for run in each]
    begin = max(metric_curve(run, metric)[0][0] for run in runs for metric in results)
    end = min(next(iter(result.common.values())).steps for result in results.values())
    steps = np.linspace(begin, end, min(len(metric_curve(run, metric)[0]) for run in runs for metric in results))
    tasks = tasks_of(groups)
    layout: dict[str, Any] = {task: {method: {} for method in groups} for task in tasks}
    for method, own in groups.items():
        for number, task in enumerate(tasks):
            for index, run in enumerate(each for each in own if each.task == task):
                score = {metric: result.common[method].scores[number][index] for metric, result in results.items()}
                key = f"run_{index}" if run.seed is None else f"seed_{run.seed}"
                layout[task][method][key] = _run(run, steps, score)
    return {runs[0].env: layout}


def _run(run: FinishedRun, steps: np.ndarray, score: dict[str, float]) -> dict[str, Any]:
    values = {metric: metric_at(run, metric, steps) for metric in score}
    evaluations: dict[str, Any] = {
        f"step_{index}": {
            "step_count": int(step),
            **{_short(metric): [float(column[index])] for metric, column in values.items()},
        }
        for index, step in enumerate(steps)
    }
    return evaluations | {"absolute_metrics": {_short(metric): [float(value)] for metric, value in score.items()}}


def _short(metric: str) -> str:
    """That package names its aggregates ``mean_<metric>`` itself."""
    return metric.removesuffix("_mean")
