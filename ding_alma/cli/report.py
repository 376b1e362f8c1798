"""The command ``ding-alma report``: finished runs as one page to look at."""

from pathlib import Path
from typing import Any

import click

from ding_alma.cli.compare import comparison_options, read_comparison
from ding_alma.cli.evaluate import seed_option
from ding_alma.cli.trust import trust_option
from ding_alma.cli.waiting import import_everything
from ding_alma.report.page.content import page_content
from ding_alma.report.page.document import write_document
from ding_alma.report.run_groups import Groups
from ding_alma.run.run_error import RunError

PAGE_NAME = "report.html"


@click.command("report")
@comparison_options
@click.option("--episodes", type=click.IntRange(min=0), default=1, help="Episodes to play for each method.")
@seed_option
@trust_option
def report_command(
    runs: tuple[str, ...],
    output: Path,
    metrics: tuple[str, ...],
    lines: tuple[tuple[str, float], ...],
    title: str,
    episodes: int,
    seed: int,
) -> None:
    """Show finished runs of one environment on one page that a browser opens from the disk, without a network.

    RUNS are those of `compare`. Writes report.html: curves to hover, zoom and switch, tables with intervals, losses,
    episodes of each method's first run that has a checkpoint, with a lane for each agent that shows where it works, and
    the differences between the methods' configs.
    """
    try:
        groups, results = read_comparison(runs, metrics)
    except RunError as error:
        raise click.ClickException(str(error)) from error
    films = _films(groups, episodes, seed) if episodes else []
    content = page_content(groups, results, dict(lines), title, films)
    write_document(content, output / PAGE_NAME)
    click.echo(f"Written: {output / PAGE_NAME}")


def _films(groups: Groups, episodes: int, seed: int) -> list[dict[str, Any]]:
    import_everything()
    from ding_alma.report.page.films import film_methods

    return film_methods(groups, episodes, seed, lambda line: click.echo(line, err=True))
