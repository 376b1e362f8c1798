"""One policy on several scenarios."""

import math
from collections.abc import Mapping

from ding_alma.monitor.progress import HEADLINE_METRICS
from ding_alma.report.episode_metric import episode_metric
from ding_alma.report.markdown import markdown_table
from ding_alma.report.play import summarise

SHOWN = (*HEADLINE_METRICS, "prop_buildings_completed", "perc_armies_defeated", "return", "episode_length")
"""Metrics that get a column where an environment has them."""


def scenario_table(
    played: Mapping[str, list[dict[str, float]]], metrics: tuple[str, ...] = (), unit: str = "episodes"
) -> str:
    """A table in Markdown: one row per scenario, metrics as mean ± standard error.

    Args:
        played: scenario -> the metrics of its episodes, or the mean ones of its runs.
        metrics: columns, instead of `SHOWN`.
        unit: what each of them is of.

    Raises:
        RunError: an unknown metric.
    """
    known = next(iter(played.values()))[0]
    columns = [episode_metric(name, known) for name in metrics] or [name for name in SHOWN if name in known]
    rows = [["scenario", *columns, unit]]
    for scenario, episodes in played.items():
        summary = summarise(episodes)
        rows.append([scenario, *(_with_error(*summary[name][:2]) for name in columns), str(len(episodes))])
    return "\n".join(markdown_table(rows))


def _with_error(mean: float, error: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.3f}" if math.isnan(error) else f"{mean:.3f} ± {error:.3f}"
