"""The command ``ding-alma eval``: metrics of finished runs, and of all runs of a folder."""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ding_alma.cli.trust import trust_option
from ding_alma.cli.waiting import import_everything
from ding_alma.policy.allocation_sources import ALLOCATION_SOURCES
from ding_alma.run.run_config import runs_in
from ding_alma.run.run_error import RunError

if TYPE_CHECKING:
    from ding_alma.report.play import Run

checkpoint_argument = click.argument("checkpoint", type=click.Path(path_type=Path))
config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="Config file, instead of the one kept in the run's folder."
)
seed_option = click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the first environment.")
allocator_option = click.option(
    "--allocator", type=click.Path(path_type=Path), help="Checkpoint or folder of another run, whose allocator is used."
)
allocation_option = click.option(
    "--allocation", type=click.Choice(ALLOCATION_SOURCES), help="Who allocates agents, if not as in the training."
)


class ScenariosCommand(click.Command):
    """Lets ``--scenario`` take several names behind the checkpoint: ``eval RUN --scenario A B``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each further name."""
        repeated: list[str] = []
        is_scenario = False
        for argument in args:
            if argument.startswith("-"):
                is_scenario = argument == "--scenario" and bool(repeated)
            elif is_scenario and repeated[-1] != "--scenario":
                repeated.append("--scenario")
            repeated.append(argument)
        return super().parse_args(ctx, repeated)


@click.command("eval", cls=ScenariosCommand)
@click.argument("arguments", nargs=-1, required=True, metavar="CHECKPOINT... [KEY=VALUE]...")
@click.option("--episodes", type=click.IntRange(min=1), default=160, help="Episodes to play, per run and scenario.")
@config_option
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME...", help="Others than that of the training; one row each."
)
@click.option("--metric", "metrics", multiple=True, help="Column of the table of scenarios; repeatable.")
@seed_option
@allocator_option
@allocation_option
@trust_option
def evaluate_command(
    arguments: tuple[str, ...],
    episodes: int,
    config: Path | None,
    scenarios: tuple[str, ...],
    metrics: tuple[str, ...],
    seed: int,
    allocator: Path | None,
    allocation: str | None,
) -> None:
    """Play episodes without exploration and print the mean of every metric, or a table with one row per scenario.

    CHECKPOINT may be a folder of several runs, such as seeds 0, 1, 2 of a training: then every run plays, and means and
    standard errors are over runs. Of several checkpoints or folders, each gets a table of its own.

    Scenarios may have other numbers of agents and subtasks than the training's, as far as the weights allow. A list of
    teams is written with plus signs: BF+BFG.

    KEY=VALUE changes the environment, such as env.episode_limit=300, or policy.allocation.period.

    With --allocator, the agents of CHECKPOINT work under the allocator of another run, as in the ALMA paper's test of
    joint training; of two folders of runs, those at the same place belong together.
    """
    if metrics and not scenarios:
        raise click.UsageError("--metric chooses the columns of the table that --scenario asks for")
    checkpoints, changes = _sorted_arguments(arguments)
    import_everything()

    def play(path: Path, place: int, scenario: str | None) -> list[dict[str, float]]:
        from ding_alma.report.play import evaluate

        return evaluate(load(path, config, scenario, _partner(allocator, place), allocation, changes), episodes, seed)

    from ding_alma.run.checkpoint import find_checkpoint

    with user_errors(None):
        for checkpoint in checkpoints:
            if not checkpoint.exists():
                # Raises an error that names others, and does so before anything is played.
                find_checkpoint(checkpoint)
    for checkpoint in checkpoints:
        if len(checkpoints) > 1:
            click.echo(f"\n{checkpoint}:")
        _print_evaluation(checkpoint, scenarios, metrics, play)


def _print_evaluation(
    checkpoint: Path,
    scenarios: tuple[str, ...],
    metrics: tuple[str, ...],
    play: Callable[[Path, int, str | None], list[dict[str, float]]],
) -> None:
    """Let the runs of ``checkpoint`` play and print their table, or their tables and the one over all of them.

    Args:
        play: gives every episode's metrics of a run, by its place among the runs and the scenario.
    """
    from ding_alma.report.play import mean_by_run
    from ding_alma.report.scenario_table import scenario_table

    runs = runs_in(checkpoint)
    by_scenario = {}
    for scenario in scenarios or (None,):
        with user_errors(scenario):
            played = {path: play(path, place, scenario) for place, path in enumerate(runs)}
            if len(runs) > 1 and scenario is None:
                for path, each in played.items():
                    click.echo(f"\n{path}")
                    print_table(each)
                click.echo(f"\n{len(runs)} runs in {checkpoint}")
            by_scenario[scenario] = mean_by_run(list(played.values()))
    unit = "runs" if len(runs) > 1 else "episodes"
    with user_errors(None):
        if scenarios:
            click.echo(scenario_table({str(name): each for name, each in by_scenario.items()}, metrics, unit))
        else:
            print_table(by_scenario[None], unit)


def _sorted_arguments(arguments: tuple[str, ...]) -> tuple[list[Path], list[str]]:
    """Checkpoints and changes; what exists is a checkpoint, even if there is an equals sign in its name."""
    changes = [argument for argument in arguments if "=" in argument and not Path(argument).exists()]
    checkpoints = [Path(argument) for argument in arguments if argument not in changes]
    if not checkpoints:
        raise click.UsageError("name a CHECKPOINT before the changes")
    return checkpoints, changes


def _partner(allocator: Path | None, place: int) -> Path | None:
    if allocator is None:
        return None
    others = runs_in(allocator)
    return others[place % len(others)]


def load(
    checkpoint: Path,
    config: Path | None,
    scenario: str | None,
    allocator: Path | None,
    allocation: str | None,
    changes: Sequence[str] = (),
) -> "Run":
    """The run of a checkpoint, its allocator and its environment changed where that is asked for.

    Raises a RunError, see `load_run`, `choose_allocation` and `change_play`.
    """
    from ding_alma.report.allocation_choice import choose_allocation
    from ding_alma.report.changed_play import change_play
    from ding_alma.report.play import load_run

    run = load_run(checkpoint, config, scenario)
    run = choose_allocation(run, None if allocator is None else load_run(allocator), allocation)
    return change_play(run, changes)


@contextlib.contextmanager
def user_errors(scenario: str | None) -> Iterator[None]:
    """Show what the user can mend as one line; a foreign scenario may have sizes that the networks do not take."""
    try:
        yield
    except (RunError, ImportError) as error:
        raise click.ClickException(str(error)) from error
    except (RuntimeError, ValueError, IndexError) as error:
        if scenario is None:
            raise
        raise click.ClickException(
            f"the policy cannot play scenario {scenario!r}, perhaps its sizes are not those of the training: {error}"
        ) from error


def print_table(metrics: list[dict[str, float]], unit: str = "episodes") -> None:
    """Every metric's mean and standard error over ``unit``, which are episodes or runs."""
    from ding_alma.report.play import summarise

    summary = summarise(metrics)
    width = max(len("metric"), *map(len, summary))
    click.echo(f"{'metric':<{width}}  {'mean':>10}  {'std. error':>10}  {unit:>8}")
    for name, (mean, error, count) in summary.items():
        numbers = "  ".join(f"{value:>10.4f}" if math.isfinite(value) else f"{'-':>10}" for value in (mean, error))
        click.echo(f"{name:<{width}}  {numbers}  {count:>8}")
