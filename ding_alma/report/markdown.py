"""Numbers as text: tables in Markdown, estimates with their intervals."""

import math

import numpy as np

from ding_alma.report.statistics import Estimate


def markdown_table(rows: list[list[str]]) -> list[str]:
    """The lines of a table whose first row is the header."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (escaped[0], ["---"] * len(rows[0]), *escaped[1:])]


def bracketed(estimate: Estimate) -> str:
    """``0.41 [0.35, 0.47]``, without brackets where there is no interval, ``-`` where there is no value."""
    if math.isnan(estimate.value):
        return "-"
    digits = 2 if np.nanmax(np.abs(estimate)) < 10 else 1
    if math.isnan(estimate.low):
        return f"{estimate.value:.{digits}f}"
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"
