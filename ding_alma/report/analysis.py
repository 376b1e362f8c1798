"""One table of an analysis: estimates over runs in rows and columns, as text, numbers and a picture."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ding_alma.report.comparison import estimate_numbers
from ding_alma.report.markdown import bracketed, markdown_table
from ding_alma.report.statistics import COVERAGE, Estimate, bootstrap, mean
from ding_alma.run.plain_values import finite_or_none


@dataclass(frozen=True)
class Cell:
    """One number per run, NaN where a run has none."""

    values: tuple[float, ...]
    episodes: int | None = None
    """Played for it, all runs together; None where nothing was played."""

    @property
    def estimate(self) -> Estimate:
        """The mean over the runs that have a value, with its bootstrap interval."""
        known = np.array([value for value in self.values if np.isfinite(value)])
        return bootstrap(mean, [known]) if len(known) else Estimate(*[float("nan")] * 3)


@dataclass(frozen=True)
class Analysis:
    """A table whose rows are methods."""

    name: str
    """Stem of the files."""
    title: str
    note: str
    metric: str
    corner: str
    """What rows and columns are."""
    columns: tuple[str, ...]
    rows: dict[str, tuple[Cell, ...]]
    runs: dict[str, list[str]] = field(default_factory=dict)
    """Method -> folders of its runs, in the order of a cell's values."""

    def table(self) -> list[list[str]]:
        """The header and one row for each method."""
        rows = [[method, *(bracketed(cell.estimate) for cell in cells)] for method, cells in self.rows.items()]
        return [[self.corner, *self.columns], *rows]

    def text(self) -> str:
        """As Markdown."""
        several = any(len(cell.values) > 1 for cells in self.rows.values() for cell in cells)
        interval = f" Brackets: {COVERAGE:.0%} bootstrap intervals over runs." if several else ""
        return "\n".join([f"# {self.title}", "", f"{self.note}{interval}", "", *markdown_table(self.table()), ""])

    def numbers(self) -> dict[str, Any]:
        """As plain values: everything that text and picture show, and every run's own numbers."""
        return {
            "format": 1,
            "analysis": self.name,
            "title": self.title,
            "note": self.note,
            "metric": self.metric,
            "runs": self.runs,
            "columns": list(self.columns),
            "rows": {method: [_cell_numbers(cell) for cell in cells] for method, cells in self.rows.items()},
        }

    def tidy_rows(self) -> list[list[Any]]:
        """One row for each number, for spreadsheets; the first is the header."""
        rows: list[list[Any]] = [["metric", "method", self.corner, *Estimate._fields, "runs"]]
        for method, cells in self.rows.items():
            for column, cell in zip(self.columns, cells, strict=True):
                rows.append([self.metric, method, column, *cell.estimate, len(cell.values)])
        return rows


def _cell_numbers(cell: Cell) -> dict[str, Any]:
    counted = {} if cell.episodes is None else {"episodes": cell.episodes}
    return {**estimate_numbers(cell.estimate), "per_run": [finite_or_none(value) for value in cell.values], **counted}
