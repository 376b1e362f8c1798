"""What the page shows, as plain values; intervals and scores are those of a comparison.

Names that come from runs are values of lists, never keys: a script's objects have keys of their own.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ding_alma.monitor.scalars import GROUP_OF
from ding_alma.report.comparison import (
    READING,
    MetricResult,
    few_runs,
    improvement_rows,
    result_rows,
    told_differences,
)
from ding_alma.report.curves import POINTS, bands, metric_at, metric_curve
from ding_alma.report.metric_titles import SHARES, metric_title
from ding_alma.report.page.config_differences import Difference, config_differences, unknown_configs
from ding_alma.report.run_groups import FinishedRun, Groups, tasks_of
from ding_alma.run.plain_values import finite_or_none

RESULTS = "results"
KINDS = {
    RESULTS: "evaluations",
    "losses": "losses",
    "train_metrics": "values and gradients",
    "alloc_metrics": "allocations",
    "annealing": "exploration",
}
"""Kind of a metric, a group of `scalars.PAPER_GROUPS` or `RESULTS` -> how the page calls it."""
INTERNAL = ("evaluate_time",)
"""What evaluations record for the run's own use."""
DING_RETURN, RETURN = "eval_episode_return_mean", "return_mean"
"""DI-engine's name of the metric that the environment is told to report as return, and the return itself."""
DIGITS = 5
"""Significant ones of numbers that are drawn; of places on an axis, those of their distances."""


def page_content(
    groups: Groups,
    results: dict[str, MetricResult],
    lines: dict[str, float],
    title: str,
    films: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """All that `document.document` takes.

    Args:
        results: metric -> its comparison; these metrics get tables, and all that runs recorded get curves.
        lines: label -> height of a horizontal line in the first metric's curves.
        films: one of `films.film_methods` for each method.
    """
    first = next(iter(groups.values()))[0]
    differences = config_differences(groups)
    curves = [_curves(groups, metric) for metric in _recorded(groups, results)]
    curves[0]["levels"] = list(lines.items())
    return {
        "title": title or f"Comparison on {first.env}",
        "environment": first.env,
        "tasks": tasks_of(groups),
        "reading": READING,
        "warnings": _warnings(groups),
        "methods": [{"name": method, "runs": len(runs)} for method, runs in groups.items()],
        "curves": curves,
        "tables": [_tables(metric, result) for metric, result in results.items()],
        "shared_differences": _difference_rows([each for each in differences if each.is_shared]),
        "other_differences": _difference_rows([each for each in differences if not each.is_shared]),
        "unknown_configs": unknown_configs(groups),
        "films": list(films),
        "runs": _runs(groups),
    }


def _warnings(groups: Groups) -> list[str]:
    found = [few_runs(groups)]
    for key, told in told_differences(groups).items():
        found.append(f"The runs' settings differ in env.{key}: {told}.")
    return [warning for warning in found if warning]


def _recorded(groups: Groups, first: Iterable[str]) -> list[str]:
    """Every metric that all runs of a method have values of, ``first`` before the others."""
    names = {name for runs in groups.values() for name in runs[0].metrics if all(_has(run, name) for run in runs)}
    names.difference_update(INTERNAL)
    if all(_has(run, RETURN) for runs in groups.values() for run in runs):
        names.discard(DING_RETURN)
    trained = [name for name in GROUP_OF if name in names]
    return list(dict.fromkeys([*first, *sorted(names.difference(trained)), *trained]))


def _curves(groups: Groups, metric: str) -> dict[str, Any]:
    """One metric's curves, None for methods not all of whose runs have values of it."""
    having = {method: runs for method, runs in groups.items() if all(_has(run, metric) for run in runs)}
    kind = GROUP_OF.get(metric, RESULTS)
    steps, seconds = (_axis_curves(having, metric, by_time) for by_time in (False, True))
    return {
        "title": metric_title(metric),
        "kind": KINDS[kind],
        "is_result": kind == RESULTS,
        "is_share": metric in SHARES,
        "levels": [],
        "steps": [steps.get(method) for method in groups],
        "seconds": [seconds.get(method) for method in groups],
    }


def _has(run: FinishedRun, metric: str) -> bool:
    return metric in run.metrics and len(metric_curve(run, metric)[0]) > 0


def _axis_curves(groups: Groups, metric: str, by_time: bool) -> dict[str, Any]:
    """Method -> its curves."""
    if not groups:
        return {}
    return {
        method: {
            **{name: _plain(values) for name, values in band._asdict().items()},
            "axis": _places(band.axis),
            "runs": [{"name": run.name, "points": _points(run, metric, by_time)} for run in groups[method]],
        }
        for method, band in bands(groups, metric, by_time).items()
    }


def _points(run: FinishedRun, metric: str, by_time: bool) -> list[Sequence[float | None]]:
    """Axis and values of the run's own evaluations; where there are more than `POINTS`, at so many equal distances."""
    axis, values = metric_curve(run, metric, by_time)
    if len(axis) > POINTS:
        axis = np.linspace(axis[0], axis[-1], POINTS)
        values = metric_at(run, metric, axis, by_time)
    return [_places(axis), _plain(values)]


def _plain(values: np.ndarray) -> list[float | None]:
    return [finite_or_none(float(f"{value:.{DIGITS}g}")) for value in values]


def _places(axis: np.ndarray) -> list[float]:
    span = np.ptp(axis) if len(axis) else 0.0
    return np.round(axis, DIGITS - 1 - math.floor(math.log10(span)) if span > 0 else DIGITS).tolist()


def _tables(metric: str, result: MetricResult) -> dict[str, Any]:
    tables = [
        {
            "caption": f"At {result.steps:,.0f} environment steps, the most that all runs have reached",
            "rows": result_rows(result.common),
        }
    ]
    if result.ends_differ:
        tables.append({"caption": "At each method's own end", "rows": result_rows(result.own)})
    if result.improvement:
        tables.append(
            {
                "caption": "Probability that a run of the row beats a run of the column",
                "rows": improvement_rows(result.improvement),
            }
        )
    return {"title": metric_title(metric), "tables": tables}


def _difference_rows(differences: list[Difference]) -> list[list[str]]:
    """The header, and one row for each key; no row at all without a difference."""
    if not differences:
        return []
    rows = [["key", *differences[0].values]]
    return rows + [[each.key, *(" / ".join(values) or "-" for values in each.values.values())] for each in differences]


def _runs(groups: Groups) -> list[list[str]]:
    rows = [["method", "run", "task", "policy", "seed", "env steps", "updates", "wall time", "started", "machine"]]
    for method, runs in groups.items():
        for run in runs:
            rows.append(
                [
                    method,
                    run.name,
                    run.task,
                    run.policy,
                    "-" if run.seed is None else str(run.seed),
                    f"{run.env_steps[-1]:,.0f}",
                    f"{run.train_iters[-1]:,.0f}",
                    f"{run.wall_seconds[-1] / 60:,.0f} min",
                    *_origin(run),
                ]
            )
    return rows


def _origin(run: FinishedRun) -> tuple[str, str]:
    """When the run's last part was started, and on what machine, as far as the record says."""
    part = run.parts[-1] if run.parts else {}
    try:
        machine = part["machine"]
        gpus = [str(gpu) for gpu in machine["gpus"]]
        return str(part["started"]), ", ".join([str(machine["processor"]), f"{machine['cores']} cores", *gpus])
    except (KeyError, TypeError):
        return "-", "-"
