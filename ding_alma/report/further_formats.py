"""Tables and pictures in the formats of spreadsheets and papers."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ding_alma.report.analysis import Analysis
from ding_alma.report.comparison import MetricResult, improvement_rows, result_rows
from ding_alma.report.metric_titles import metric_title
from ding_alma.report.statistics import AGGREGATES

PICTURES = ("svg", "pdf")
TABLES = ("csv", "tex")
FORMATS = (*PICTURES, *TABLES)
"""What commands write besides Markdown, JSON and PNG."""

_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
}


def picture_paths(path: Path, formats: Iterable[str]) -> list[Path]:
    """The PNG ``path``, and the same picture in those of ``formats`` that are for pictures."""
    return [path, *(path.with_suffix(f".{name}") for name in PICTURES if name in formats)]


def csv_text(rows: Sequence[Sequence[Any]]) -> str:
    """A table whose first row is the header; missing numbers are empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for row in rows:
        writer.writerow(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row])
    return file.getvalue()


def latex_table(rows: Sequence[Sequence[str]], caption: str) -> str:
    """A floating table whose first row is the header, for documents that load the package ``booktabs``."""
    header, *body = (" & ".join(map(_latex, row)) + r" \\" for row in rows)
    # Behind the end of a row, LaTeX would take a bracket or a star for an argument.
    body = [f"{{}}{line}" if line[0] in "[*" else line for line in body]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            f"\\caption{{{_latex(caption)}}}",
            f"\\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}",
            r"\toprule",
            header,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def comparison_tables(results: dict[str, MetricResult], formats: Iterable[str]) -> dict[str, str]:
    """Name -> content of the files that hold the tables of a comparison in those of ``formats`` that are for tables."""
    files = {}
    if "csv" in formats:
        files["comparison.csv"] = csv_text(_result_numbers(results))
        files["improvement.csv"] = csv_text(_improvement_numbers(results))
    if "tex" in formats:
        files["comparison.tex"] = "\n".join(_latex_tables(results))
    return files


def analysis_tables(analyses: Sequence[Analysis], name: str, formats: Iterable[str]) -> dict[str, str]:
    """The same for analyses, whose files are called ``name``."""
    files = {}
    if "csv" in formats:
        header, *_ = analyses[0].tidy_rows()
        files[f"{name}.csv"] = csv_text([header, *(row for each in analyses for row in each.tidy_rows()[1:])])
    if "tex" in formats:
        tables = [latex_table(each.table(), f"{each.title}. {each.note}") for each in analyses]
        files[f"{name}.tex"] = "\n".join(tables)
    return files


def _columns(name: str) -> list[str]:
    return [name, f"{name}_low", f"{name}_high"]


def _result_numbers(results: dict[str, MetricResult]) -> list[list[Any]]:
    columns = [column for name in AGGREGATES for column in _columns(name)]
    rows: list[list[Any]] = [["metric", "at", "method", "runs", "env_steps", "wall_seconds", *columns]]
    for metric, result in results.items():
        for at, methods in (("common_steps", result.common), ("own_steps", result.own)):
            for method, each in methods.items():
                cells = [cell for name in AGGREGATES for cell in each.aggregates[name]]
                runs = sum(map(len, each.scores))
                rows.append([metric, at, method, runs, int(each.steps), round(each.seconds, 3), *cells])
    return rows


def _improvement_numbers(results: dict[str, MetricResult]) -> list[list[Any]]:
    rows: list[list[Any]] = [["metric", "method", "over", *_columns("probability")]]
    for metric, result in results.items():
        for (method, other), estimate in result.improvement.items():
            rows.append([metric, method, other, *estimate])
    return rows


def _latex_tables(results: dict[str, MetricResult]) -> list[str]:
    tables = []
    for metric, result in results.items():
        title = metric_title(metric)
        title = title[:1].upper() + title[1:]
        at = f"{title} at {result.steps:,.0f} environment steps, the most that all runs have reached."
        tables.append(latex_table(result_rows(result.common), at))
        if result.ends_differ:
            tables.append(latex_table(result_rows(result.own), f"{title} at each method's own end."))
        if result.improvement:
            beats = f"Probability that a run of the row beats a run of the column in {metric_title(metric)}."
            tables.append(latex_table(improvement_rows(result.improvement), beats))
    return tables


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
