"""Which method is better, how sure that is, and what it rests on: as data, and as text in Markdown."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ding_alma.report.curves import SCORE_SHARE, common_end, metric_curve, scores, seconds_at
from ding_alma.report.markdown import bracketed, markdown_table
from ding_alma.report.metric_titles import metric_title
from ding_alma.report.run_groups import FinishedRun, Groups, differing_settings, tasks_of
from ding_alma.report.statistics import AGGREGATES, COVERAGE, Estimate, Scores, bootstrap, probability_of_improvement
from ding_alma.run.plain_values import finite_or_none

READING = (
    f"Brackets: {COVERAGE:.0%} stratified bootstrap intervals over runs. The score of a run is the mean of its curve "
    f"over the last {SCORE_SHARE:.0%} of the steps; IQM is the inter-quartile mean."
)
"""How to read the tables."""
FEW_RUNS = 10
"""Below so many runs of a task, intervals are too narrow (see `statistics.bootstrap`)."""


@dataclass(frozen=True)
class MethodResult:
    """One method at a budget of environment steps."""

    steps: float
    seconds: float
    """Wall time of a run until then, mean over runs."""
    scores: Scores
    aggregates: dict[str, Estimate]


@dataclass(frozen=True)
class MetricResult:
    """One metric of all methods."""

    common: dict[str, MethodResult]
    """Every method at the most steps that all runs have reached."""
    own: dict[str, MethodResult]
    """Every method at the most steps that all of its own runs have reached."""
    improvement: dict[tuple[str, str], Estimate]
    """(method, other) -> how probable it is that a run of the first beats one of the second, at common steps; NaN where
    one of them has no task with two runs."""

    @property
    def steps(self) -> float:
        """The most environment steps that all runs have reached."""
        return next(iter(self.common.values())).steps

    @property
    def ends_differ(self) -> bool:
        """Whether a method has been trained for more steps than all runs have."""
        return any(each.steps > self.steps for each in self.own.values())


def compare(groups: Groups, metric: str) -> MetricResult:
    """Judge all methods by one metric.

    Raises:
        RunError: a run has no value of the metric within the steps that all runs have reached.
    """
    budget = common_end((run for runs in groups.values() for run in runs), metric)
    tasks = tasks_of(groups)
    common = {method: _result(runs, tasks, metric, budget) for method, runs in groups.items()}
    own = {method: _result(runs, tasks, metric, common_end(runs, metric)) for method, runs in groups.items()}
    improvement = {
        (method, other): _improvement(common[method].scores, common[other].scores)
        for method in groups
        for other in groups
        if method != other
    }
    return MetricResult(common, own, improvement)


def _improvement(scores: Scores, others: Scores) -> Estimate:
    estimate = bootstrap(probability_of_improvement, scores, others)
    # One run that is better than another says next to nothing of the methods, and 1.00 would say that it is certain.
    return estimate if np.isfinite(estimate.low) else Estimate(*[float("nan")] * 3)


def report(groups: Groups, results: dict[str, MetricResult], lines: dict[str, float], title: str) -> str:
    """The whole comparison as a Markdown document."""
    first = next(iter(groups.values()))[0]
    tasks = tasks_of(groups)
    text = [f"# {title or f'Comparison on {first.env}'}", ""]
    on = f" ({', '.join(tasks)})" if tasks != [first.env] else ""
    text += [f"Environment `{first.env}`{on}. {READING}", ""]
    few = few_runs(groups)
    if few:
        text += [few, ""]
    for key, told in told_differences(groups).items():
        text += [f"**The runs' settings differ** in `env.{key}`: {told}.", ""]
    for metric, result in results.items():
        text += [f"## {metric_title(metric)} (`{metric}`)", ""]
        text += [
            f"At {result.steps:,.0f} environment steps, the most that all runs have reached"
            f"{_shortest(groups, metric)}:",
            "",
        ]
        text += [*markdown_table(result_rows(result.common)), ""]
        if result.ends_differ:
            text += ["At each method's own end:", "", *markdown_table(result_rows(result.own)), ""]
        if len(groups) > 1:
            text += ["Probability that a run of the row beats a run of the column:", ""]
            text += [*markdown_table(improvement_rows(result.improvement)), ""]
    if lines:
        text += ["Reference lines: " + ", ".join(f"{label} {value:g}" for label, value in lines.items()) + ".", ""]
    return "\n".join(text)


def told_differences(groups: Groups) -> dict[str, str]:
    """Key of ``env`` in which runs on one scenario differ -> which methods have which value."""
    return {
        key: "; ".join(f"{value} in {', '.join(methods)}" for value, methods in values.items())
        for key, values in differing_settings(groups).items()
    }


def few_runs(groups: Groups) -> str:
    """What to think of intervals over so few runs; empty where there are enough."""
    fewest = min(sum(run.task == task for run in runs) for runs in groups.values() for task in tasks_of(groups))
    if fewest >= FEW_RUNS:
        return ""
    count = "1 run" if fewest == 1 else f"{fewest} runs"
    alone = " A method without two runs of a task has neither intervals nor probabilities." if fewest == 1 else ""
    return (
        f"There are few runs: at least one method has only {count} of a task. With fewer than {FEW_RUNS}, intervals "
        f"are too narrow: a {COVERAGE:.0%} interval from 3 runs contains the true value in about 75 of 100 cases, from "
        f"5 runs in about 85.{alone}"
    )


def numbers(groups: Groups, results: dict[str, MetricResult], lines: dict[str, float], title: str) -> dict[str, Any]:
    """Everything that tables and pictures show and how it came about; `run_groups.read_groups` reads it again."""
    return {
        "format": 1,
        "title": title,
        "metrics": list(results),
        "lines": lines,
        "results": {metric: _result_numbers(result) for metric, result in results.items()},
        "groups": {method: [_run_numbers(run, list(results)) for run in runs] for method, runs in groups.items()},
    }


def _result(runs: list[FinishedRun], tasks: list[str], metric: str, steps: float) -> MethodResult:
    values = scores(runs, tasks, metric, steps)
    return MethodResult(
        steps=steps,
        seconds=float(np.mean([seconds_at(run, steps) for run in runs])),
        scores=values,
        aggregates={name: bootstrap(aggregate, values) for name, aggregate in AGGREGATES.items()},
    )


def _shortest(groups: Groups, metric: str) -> str:
    """Which run the common end is due to, where another has come twice as far."""
    ends = [(metric_curve(run, metric)[0][-1], method, run) for method, runs in groups.items() for run in runs]
    end, method, run = min(ends, key=lambda each: each[0])
    longest = max(end for end, _, _ in ends)
    if longest < 2 * end:
        return ""
    return f" (**{run.name} of {method} ends there**, others at up to {longest:,.0f}: resume it or leave it out)"


def result_rows(results: dict[str, MethodResult]) -> list[list[str]]:
    """The header and one row for each method: what it reached, which narrow screens show first, and with what."""
    rows = [["method", *AGGREGATES, "runs", "env steps", "wall time"]]
    for method, result in results.items():
        runs = sum(map(len, result.scores))
        steps, minutes = f"{result.steps:,.0f}", f"{result.seconds / 60:,.0f} min"
        rows.append([method, *map(bracketed, result.aggregates.values()), str(runs), steps, minutes])
    return rows


def improvement_rows(improvement: dict[tuple[str, str], Estimate]) -> list[list[str]]:
    """The header and one row for each method: the probability that a run of the row beats one of the column."""
    methods = list(dict.fromkeys(method for method, _ in improvement))
    rows = [["", *methods]]
    for method in methods:
        cells = [bracketed(improvement[method, other]) if method != other else "" for other in methods]
        rows.append([method, *cells])
    return rows


def _result_numbers(result: MetricResult) -> dict[str, Any]:
    def method(each: MethodResult) -> dict[str, Any]:
        return {
            "env_step": each.steps,
            "wall_seconds": round(each.seconds, 3),
            "scores": [task.tolist() for task in each.scores],
            **{name: estimate_numbers(estimate) for name, estimate in each.aggregates.items()},
        }

    return {
        "common_steps": {name: method(each) for name, each in result.common.items()},
        "own_steps": {name: method(each) for name, each in result.own.items()},
        "probability_of_improvement": [
            {"method": name, "over": other, **estimate_numbers(estimate)}
            for (name, other), estimate in result.improvement.items()
        ],
    }


def estimate_numbers(estimate: Estimate) -> dict[str, float | None]:
    """``value``, ``low`` and ``high``, None for NaN."""
    return {name: finite_or_none(value) for name, value in estimate._asdict().items()}


def _run_numbers(run: FinishedRun, metrics: list[str]) -> dict[str, Any]:
    columns = zip(run.env_steps, run.train_iters, run.wall_seconds, strict=True)
    return {
        "name": run.name,
        "env": run.env,
        "scenario": run.task,
        "policy": run.policy,
        "seed": run.seed,
        "parts": run.parts,
        "setting": run.setting,
        "points": [
            {
                "env_step": int(env_step),
                "train_iter": int(train_iter),
                "wall_seconds": float(wall_seconds),
                **{metric: finite_or_none(run.metrics[metric][index]) for metric in metrics},
            }
            for index, (env_step, train_iter, wall_seconds) in enumerate(columns)
        ],
    }
