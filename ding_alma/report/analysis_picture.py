"""Pictures of analyses: lines over the columns, and matrices."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ding_alma.report.analysis import Analysis
from ding_alma.report.metric_titles import metric_title
from ding_alma.report.picture import COLOURS, dress, open_pyplot, save_figure


def draw_lines(analysis: Analysis, paths: Sequence[Path]) -> None:
    """Write a picture (`picture.save_figure`): one line per method over the columns, bars for its intervals.

    Raises:
        RunError: matplotlib is not installed.
    """
    pyplot = open_pyplot()
    figure, panel = pyplot.subplots(figsize=(6.4, 4.2), dpi=150, layout="constrained")
    places = np.arange(len(analysis.columns))
    for colour, (method, cells) in zip(COLOURS * len(analysis.rows), analysis.rows.items(), strict=False):
        value, low, high = np.array([cell.estimate for cell in cells]).T
        bars = np.nan_to_num(np.clip([value - low, high - value], 0, None))
        panel.errorbar(places, value, bars, color=colour, marker="o", linewidth=2, capsize=3, label=method)
    panel.set_xticks(places, analysis.columns)
    panel.set_xlabel(analysis.corner)
    panel.set_ylabel(metric_title(f"{analysis.metric}_mean"))
    dress(panel, f"{analysis.metric}_mean")
    panel.margins(x=0.05)
    panel.legend(frameon=False, fontsize=9)
    save_figure(figure, paths)
    pyplot.close(figure)


def draw_matrix(analysis: Analysis, paths: Sequence[Path]) -> None:
    """Write a picture (`picture.save_figure`): one coloured field per row and column with its number.

    Raises:
        RunError: matplotlib is not installed.
    """
    pyplot = open_pyplot()
    values = np.array([[cell.estimate.value for cell in cells] for cells in analysis.rows.values()])
    size = (2.6 + 1.3 * len(analysis.columns), 1.6 + 0.8 * len(analysis.rows))
    figure, panel = pyplot.subplots(figsize=size, dpi=150, layout="constrained")
    image = panel.imshow(values, cmap="Blues", aspect="auto")
    middle = (np.nanmin(values) + np.nanmax(values)) / 2 if np.isfinite(values).any() else 0.0
    for (row, column), value in np.ndenumerate(values):
        shown = "-" if np.isnan(value) else f"{value:.2f}"
        panel.text(column, row, shown, ha="center", va="center", color="white" if value > middle else "black")
    panel.set_xticks(range(len(analysis.columns)), analysis.columns)
    panel.set_yticks(range(len(analysis.rows)), list(analysis.rows))
    panel.set_title(analysis.corner, fontsize=10)
    figure.colorbar(image, label=metric_title(f"{analysis.metric}_mean"))
    save_figure(figure, paths)
    pyplot.close(figure)
