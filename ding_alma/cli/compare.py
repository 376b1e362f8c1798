"""The command ``ding-alma compare``: from finished runs to a table with intervals and a picture."""

from collections.abc import Callable
from pathlib import Path

import click

from ding_alma.atomic_file import write_json_atomically
from ding_alma.monitor.progress import HEADLINE_METRICS
from ding_alma.report.comparison import MetricResult, compare, numbers, report
from ding_alma.report.further_formats import FORMATS, comparison_tables, picture_paths
from ding_alma.report.marl_eval import marl_eval_layout
from ding_alma.report.picture import draw_curves
from ding_alma.report.run_groups import Groups, read_groups, resolve_metric
from ding_alma.run.run_error import RunError

formats_option = click.option(
    "--also",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    help="Further format of pictures (svg, pdf) or tables (csv, tex); repeatable.",
)


class ReferenceLine(click.ParamType):
    """``LABEL=NUMBER``, the number behind the last ``=``."""

    name = "label=number"

    def convert(
        self, value: str | tuple[str, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """(label, height)."""
        if isinstance(value, tuple):
            return value
        label, _, number = value.rpartition("=")
        try:
            return label.strip(), float(number)
        except ValueError:
            self.fail(f"expected LABEL=NUMBER, got {value!r}", param, ctx)


def comparison_options(command: Callable) -> Callable:
    """What `compare` and `report` are told alike."""
    options = (
        click.argument("runs", nargs=-1, required=True),
        click.option(
            "-o", "--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to write."
        ),
        click.option(
            "--metric",
            "metrics",
            multiple=True,
            help="What gets tables, such as solved; repeatable. [default: solved or battle_won, and return]",
        ),
        click.option(
            "--line", "lines", type=ReferenceLine(), multiple=True, help="Level to draw for the first metric."
        ),
        click.option("--title", default="", help="Title of what is written."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_comparison(runs: tuple[str, ...], metrics: tuple[str, ...]) -> tuple[Groups, dict[str, MetricResult]]:
    """The runs by method, and their comparison by each metric.

    Raises:
        RunError: they cannot be compared.
    """
    groups = read_groups(list(runs))
    names = [resolve_metric(metric, groups) for metric in metrics] or default_metrics(groups)
    return groups, {name: compare(groups, name) for name in names}


@click.command("compare")
@comparison_options
@formats_option
def compare_command(
    runs: tuple[str, ...],
    output: Path,
    metrics: tuple[str, ...],
    lines: tuple[tuple[str, float], ...],
    title: str,
    formats: tuple[str, ...],
) -> None:
    """Compare finished runs of one environment, several seeds each.

    RUNS are [METHOD=]PATH[,PATH...]. A path is a run's folder, a folder above runs, or the comparison.json of an
    earlier comparison. Without METHOD=, folders seed0, seed1, ... are seeds of one method, named after the folder
    above them.

    Writes comparison.md (mean, median and inter-quartile mean with bootstrap intervals, probability of improvement),
    comparison.png (curves over steps and over wall time), comparison.json (all numbers) and marl_eval.json (the layout
    of the package marl-eval); with --also, the same pictures and tables in further formats.
    """
    try:
        groups, results = read_comparison(runs, metrics)
        output.mkdir(parents=True, exist_ok=True)
        draw_curves(groups, list(results), dict(lines), title, picture_paths(output / "comparison.png", formats))
    except RunError as error:
        raise click.ClickException(str(error)) from error
    text = report(groups, results, dict(lines), title)
    (output / "comparison.md").write_text(text, encoding="utf-8")
    write_json_atomically(numbers(groups, results, dict(lines), title), output / "comparison.json")
    write_json_atomically(marl_eval_layout(groups, results), output / "marl_eval.json")
    for name, content in comparison_tables(results, formats).items():
        (output / name).write_text(content, encoding="utf-8")
    click.echo(text)
    further = "".join(f", .{name}" for name in formats)
    click.echo(f"Written: {output}/comparison.md, .png, .json{further} and {output}/marl_eval.json")


def default_metrics(groups: Groups) -> list[str]:
    """The metrics that people look at, of those that all runs have.

    Raises:
        RunError: there is none.
    """
    candidates = [f"{name}_mean" for name in (*HEADLINE_METRICS, "return", "reward")]
    known = [name for name in candidates if all(name in run.metrics for runs in groups.values() for run in runs)]
    if not known:
        shared = set.intersection(*(set(run.metrics) for runs in groups.values() for run in runs))
        raise RunError(f"choose a --metric that all runs have: {', '.join(sorted(shared)) or 'there is none'}")
    return known[:2]
