"""The commands ``ding-alma analyse ...``: the ALMA paper's analyses on finished runs."""

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from ding_alma.atomic_file import write_json_atomically
from ding_alma.cli.compare import formats_option
from ding_alma.cli.trust import trust_option
from ding_alma.cli.waiting import import_everything
from ding_alma.report.allocation_course import allocation_course, recorded_statistics
from ding_alma.report.analysis import Analysis
from ding_alma.report.analysis_picture import draw_lines, draw_matrix
from ding_alma.report.further_formats import analysis_tables, picture_paths
from ding_alma.report.picture import draw_curves
from ding_alma.report.run_groups import check_allocates, read_folders, read_groups
from ding_alma.run.run_error import RunError

runs_argument = click.argument("runs", nargs=-1, required=True)
output_option = click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder for .md, .json and .png."
)
seed_option = click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the first environment.")
metric_option = click.option("--metric", help="What to look at. [default: solved or battle_won]")


def episodes_option(count: int) -> Callable:
    """Episodes per run, or per pair of runs."""
    return click.option("--episodes", type=click.IntRange(min=1), default=count, help="Episodes to play for each run.")


def one_line_errors(command: Callable) -> Callable:
    """Show a RunError as the command's message."""

    @wraps(command)
    def wrapped(**options: Any) -> None:
        try:
            command(**options)
        except RunError as error:
            raise click.ClickException(str(error)) from error

    return wrapped


@click.group("analyse")
def analyse_command() -> None:
    """Make the ALMA paper's analyses of finished runs.

    RUNS are [METHOD=]PATH[,PATH...], as for `compare`; a path is a run's folder or a folder above runs. Several seeds
    of a method give a mean with a bootstrap interval.
    """


@analyse_command.command("distance")
@runs_argument
@episodes_option(640)
@click.option("--bins", type=click.IntRange(min=1), default=5, help="Classes of distance.")
@metric_option
@seed_option
@output_option
@formats_option
@trust_option
@one_line_errors
def distance_command(
    runs: tuple[str, ...],
    episodes: int,
    bins: int,
    metric: str | None,
    seed: int,
    output: Path | None,
    formats: tuple[str, ...],
) -> None:
    """Multi-army SMAC by how far apart the armies come from (Figure 6a)."""
    folders = read_folders(list(runs))
    import_everything()
    from ding_alma.report.generalisation import distance

    _show(distance(folders, episodes, seed, metric, bins), output, formats, draw_lines)


@analyse_command.command("subtasks")
@runs_argument
@episodes_option(640)
@click.option("--scenario", help="Another scenario than the one of the training.")
@metric_option
@seed_option
@output_option
@formats_option
@trust_option
@one_line_errors
def subtasks_command(
    runs: tuple[str, ...],
    episodes: int,
    scenario: str | None,
    metric: str | None,
    seed: int,
    output: Path | None,
    formats: tuple[str, ...],
) -> None:
    """Episodes grouped by the number of subtasks that they begin with."""
    folders = read_folders(list(runs))
    import_everything()
    from ding_alma.report.generalisation import subtasks

    _show(subtasks(folders, episodes, seed, metric, scenario), output, formats, draw_lines)


@analyse_command.command("mix")
@runs_argument
@episodes_option(160)
@metric_option
@seed_option
@output_option
@formats_option
@trust_option
@one_line_errors
def mix_command(
    runs: tuple[str, ...],
    episodes: int,
    metric: str | None,
    seed: int,
    output: Path | None,
    formats: tuple[str, ...],
) -> None:
    """The agents of each method under the allocators of each other (Figure 6b)."""
    folders = read_folders(list(runs))
    check_allocates(folders)
    import_everything()
    from ding_alma.report.generalisation import mix

    _show(mix(folders, episodes, seed, metric), output, formats, draw_matrix)


@analyse_command.command("allocation")
@runs_argument
@output_option
@formats_option
@one_line_errors
def allocation_command(runs: tuple[str, ...], output: Path | None, formats: tuple[str, ...]) -> None:
    """Statistics of the allocations in the course of the training, from what runs recorded."""
    groups = read_groups(list(runs))
    names = recorded_statistics(groups)
    courses = [allocation_course(groups, name) for name in names]
    text = "\n".join(course.text() for course in courses)
    click.echo(text)
    if output is None:
        return
    pictures = _write(courses, "allocation", output, formats)
    draw_curves(groups, names, {}, "allocations in training", pictures)
    (output / "allocation.md").write_text(text, encoding="utf-8")
    write_json_atomically([course.numbers() for course in courses], output / "allocation.json")
    _say_written(output, "allocation", formats)


def _show(
    analysis: Analysis,
    output: Path | None,
    formats: tuple[str, ...],
    draw: Callable[[Analysis, Sequence[Path]], None],
) -> None:
    click.echo(analysis.text())
    if output is None:
        return
    draw(analysis, _write([analysis], analysis.name, output, formats))
    (output / f"{analysis.name}.md").write_text(analysis.text(), encoding="utf-8")
    write_json_atomically(analysis.numbers(), output / f"{analysis.name}.json")
    _say_written(output, analysis.name, formats)


def _write(analyses: Sequence[Analysis], name: str, output: Path, formats: tuple[str, ...]) -> list[Path]:
    """Make the folder and write what tables there are in ``formats``; returns the pictures to write."""
    output.mkdir(parents=True, exist_ok=True)
    for file, content in analysis_tables(analyses, name, formats).items():
        (output / file).write_text(content, encoding="utf-8")
    return picture_paths(output / f"{name}.png", formats)


def _say_written(folder: Path, name: str, formats: tuple[str, ...]) -> None:
    click.echo(f"Written: {folder}/{name}.md, .json, {''.join(f'.{each}, ' for each in formats)}.png")
