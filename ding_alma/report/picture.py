"""Learning curves with intervals as one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ding_alma.report.curves import bands
from ding_alma.report.metric_titles import SHARES, metric_title
from ding_alma.report.run_groups import Groups
from ding_alma.run.run_error import RunError

COLOURS = ("#2563a8", "#d1662b", "#2f8f5b", "#a03b6b", "#7a6a2e", "#5b5f97", "#3a8fa3", "#8a4b2a", "#222222", "#d4a017")
TIME_UNITS = ((3600, "hours"), (60, "minutes"), (1, "seconds"))
"""Seconds of a unit and its name; the first that an axis is at least two of."""


def open_pyplot() -> Any:
    """The module ``matplotlib.pyplot``, drawing into files. Raises a RunError if matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise RunError("drawing needs matplotlib: `uv sync --extra report` (or `pip install matplotlib`)") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def save_figure(figure: Any, paths: Sequence[Path]) -> None:
    """Write a figure into files whose format is their suffix: .png, .svg or .pdf; equal figures give equal files."""
    import matplotlib

    # TrueType, because journals refuse matplotlib's own kind of fonts.
    with matplotlib.rc_context({"svg.hashsalt": "ding-alma", "pdf.fonttype": 42}):
        for path in paths:
            undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
            figure.savefig(path, metadata=undated)


def draw_curves(groups: Groups, metrics: list[str], lines: dict[str, float], title: str, paths: Sequence[Path]) -> None:
    """Write a picture (see `save_figure`): one row per metric, by environment steps (left) and wall time (right).

    A method's line is the mean over its runs where all of them have values, the band its 95 % bootstrap interval.

    Args:
        lines: label -> height of a horizontal line in the first row.

    Raises:
        RunError: matplotlib is not installed.
    """
    pyplot = open_pyplot()
    figure, panels = pyplot.subplots(
        len(metrics),
        2,
        figsize=(10.4, 3.4 * len(metrics) + 0.6),
        squeeze=False,
        sharey="row",
        dpi=150,
        layout="constrained",
    )
    for row, metric in zip(panels, metrics, strict=True):
        for panel, by_time in zip(row, (False, True), strict=True):
            _draw_bands(panel, groups, metric, by_time)
            for index, (label, value) in enumerate(lines.items() if metric == metrics[0] else ()):
                style = ("--", ":", "-.")[index % 3]
                panel.axhline(value, color="#555555", linewidth=1.2, linestyle=style, label=label)
            dress(panel, metric)
        row[0].set_ylabel(metric_title(metric))
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=12)
    save_figure(figure, paths)
    pyplot.close(figure)


def _draw_bands(panel: Any, groups: Groups, metric: str, by_time: bool) -> None:
    """All methods' curves, and the name and unit of their axis."""
    from matplotlib.ticker import EngFormatter

    all_bands = bands(groups, metric, by_time)
    longest = max((band.axis[-1] for band in all_bands.values() if len(band.axis)), default=1.0)
    unit, name = _time_unit(longest) if by_time else (1, "")
    for colour, (method, band) in zip(COLOURS * len(groups), all_bands.items(), strict=False):
        axis = band.axis / unit
        panel.fill_between(axis, band.low, band.high, color=colour, alpha=0.2, linewidth=0)
        label = f"{method} ({_count(len(groups[method]))})"
        # A line through one point is none.
        panel.plot(axis, band.mean, color=colour, linewidth=2.2, marker="o" if len(axis) == 1 else None, label=label)
    if by_time:
        panel.set_xlabel(f"wall time of a run, {name}")
    else:
        panel.set_xlabel("environment steps")
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))


def _time_unit(seconds: float) -> tuple[int, str]:
    return next(((size, name) for size, name in TIME_UNITS if seconds >= 2 * size), TIME_UNITS[-1])


def dress(panel: Any, metric: str) -> None:
    """Grid, no frame, and the whole range of a share."""
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.margins(x=0.01)
    if metric in SHARES:
        panel.set_ylim(-0.02, 1.02)


def _count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"
