"""Draw the learning curves of several runs and keep their numbers.

    uv run python benchmarks/learning_curves.py "ALMA=runs/a,runs/b" "COMA=runs/c" -o docs/results/NAME \\
        --line "heuristic + scripted=0.49"

writes NAME.png and NAME.json. Runs are folders with an ``evaluations.json``; those of one label are seeds of one
experiment: their mean is the thick line, each of them a thin one.
"""

from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from ding_alma.report.json_file import write_json_atomically
from ding_alma.report.run_config import RunError
from ding_alma.report.run_record import read_record

COLOURS = ("#2563a8", "#d1662b", "#2f8f5b", "#a03b6b", "#7a6a2e", "#5b5f97", "#3a8fa3", "#8a4b2a")
TITLES = {
    "solved_mean": "episodes solved",
    "battle_won_mean": "battles won",
    "return_mean": "return of an episode",
}


class Curve(NamedTuple):
    """One metric of all runs of a label on a common axis; NaN where a run has no value."""

    env_steps: np.ndarray
    """(P,)"""
    values: np.ndarray
    """(runs, P)"""


def parse_group(text: str) -> tuple[str, list[Path]]:
    """``label=dir1,dir2`` or a folder alone, which is its own label.

    Raises:
        click.BadParameter: an empty label or folder.
    """
    label, separator, folders = text.partition("=")
    paths = folders.split(",") if separator else [text]
    label = label.strip() if separator else Path(text).name
    if not label or not all(path.strip() for path in paths):
        raise click.BadParameter(f"expected LABEL=DIR[,DIR...] or DIR, got {text!r}")
    return label, [Path(path.strip()) for path in paths]


def parse_line(text: str) -> tuple[str, float]:
    """``label=value``, the value behind the last ``=``. Raises a click.BadParameter for anything else."""
    label, _, value = text.rpartition("=")
    try:
        return label.strip(), float(value)
    except ValueError:
        raise click.BadParameter(f"expected LABEL=NUMBER, got {text!r}") from None


def common_curve(records: list[dict[str, Any]], metric: str) -> Curve:
    """Put the runs of one label on one axis, by linear interpolation between each run's own evaluations.

    The axis holds the evaluations of all runs; a run has no value outside its own range.
    """
    series = []
    for record in records:
        points = [(point["env_step"], point["metrics"].get(metric)) for point in record["evaluations"]]
        series.append(np.array([point for point in points if point[1] is not None], float).reshape(-1, 2))
    axis = np.unique(np.concatenate([points[:, 0] for points in series]))
    values = [
        np.interp(axis, *points.T, left=np.nan, right=np.nan) if len(points) else np.full(len(axis), np.nan)
        for points in series
    ]
    return Curve(axis, np.array(values).reshape(len(records), len(axis)))


def mean_where_all(curve: Curve) -> Curve:
    """The mean over runs where every one of them has a value."""
    everyone = ~np.isnan(curve.values).any(axis=0)
    return Curve(curve.env_steps[everyone], curve.values[:, everyone].mean(axis=0))


def draw(
    groups: dict[str, list[dict[str, Any]]], metrics: list[str], lines: dict[str, float], title: str, path: Path
) -> None:
    """Write a PNG with one panel per metric; ``lines`` are horizontal ones in the first panel."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import EngFormatter

    figure, panels = pyplot.subplots(
        1, len(metrics), figsize=(5.6 * len(metrics), 4.0), squeeze=False, dpi=150, layout="constrained"
    )
    for metric, panel in zip(metrics, panels[0], strict=True):
        for colour, (label, records) in zip(COLOURS * len(groups), groups.items(), strict=False):
            curve = common_curve(records, metric)
            several = len(records) > 1
            for values in curve.values if several else ():
                panel.plot(curve.env_steps, values, color=colour, linewidth=0.8, alpha=0.35)
            name = f"{label} ({len(records)} seeds)" if several else label
            panel.plot(*mean_where_all(curve), color=colour, linewidth=2.2, label=name)
        if metric == metrics[0]:
            for index, (label, value) in enumerate(lines.items()):
                panel.axhline(
                    value, color="#555555", linewidth=1.2, linestyle=("--", ":", "-.")[index % 3], label=label
                )
        panel.set_xlabel("environment steps")
        panel.set_title(TITLES.get(metric, metric.removesuffix("_mean").replace("_", " ")), fontsize=11)
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.01)
        if metric.removesuffix("_mean") in ("solved", "battle_won"):
            panel.set_ylim(-0.02, 1.02)
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=12)
    figure.savefig(path)
    pyplot.close(figure)


def numbers(groups: dict[str, list[dict[str, Any]]], metrics: list[str], lines: dict[str, float]) -> dict[str, Any]:
    """Everything that the picture shows and how it came about: points, seeds, wall time, machine, commands."""

    def run(record: dict[str, Any]) -> dict[str, Any]:
        points = record["evaluations"]
        return {
            **{key: record.get(key) for key in ("name", "env", "policy", "seed")},
            "wall_seconds": points[-1]["wall_seconds"] if points else 0.0,
            "parts": record["parts"],
            "points": [
                {
                    **{key: point[key] for key in ("env_step", "train_iter", "wall_seconds")},
                    **{metric: point["metrics"].get(metric) for metric in metrics},
                }
                for point in points
            ],
        }

    return {
        "format": 1,
        "metrics": metrics,
        "lines": lines,
        "groups": {label: [run(record) for record in records] for label, records in groups.items()},
    }


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.argument("runs", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Stem of the .png and .json file.")
@click.option(
    "--metric", "metrics", multiple=True, default=("solved_mean", "return_mean"), help="One panel each; repeatable."
)
@click.option("--line", "lines", multiple=True, help='Horizontal line in the first panel, "LABEL=VALUE"; repeatable.')
@click.option("--title", default="", help="Title of the picture.")
def main(runs: tuple[str, ...], output: Path, metrics: tuple[str, ...], lines: tuple[str, ...], title: str) -> None:
    """Draw the curves of RUNS, each "LABEL=DIR[,DIR...]" or DIR."""
    groups: dict[str, list[dict[str, Any]]] = {}
    try:
        for label, folders in map(parse_group, runs):
            groups.setdefault(label, []).extend(map(read_record, folders))
    except RunError as error:
        raise click.ClickException(str(error)) from error
    available = {
        name for group in groups.values() for run in group for p in run["evaluations"] for name in p["metrics"]
    }
    for metric in metrics:
        if metric not in available:
            raise click.ClickException(f"no run has the metric {metric!r}; there are: {', '.join(sorted(available))}")
    baselines = dict(map(parse_line, lines))
    output.parent.mkdir(parents=True, exist_ok=True)
    draw(groups, list(metrics), baselines, title, output.with_name(f"{output.name}.png"))
    write_json_atomically(numbers(groups, list(metrics), baselines), output.with_name(f"{output.name}.json"))
    for label, records in groups.items():
        for metric in metrics:
            curve = mean_where_all(common_curve(records, metric))
            if len(curve.env_steps):
                click.echo(f"{label:<24} {metric:<16} {curve.values[-1]:10.4f} at {curve.env_steps[-1]:,.0f} env steps")


if __name__ == "__main__":
    main()
