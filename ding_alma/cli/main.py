"""The command ``ding-alma``: look at trained policies, and at what is installed."""

import contextlib
import math
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ding_alma.cli.analyse import analyse_command
from ding_alma.cli.compare import compare_command
from ding_alma.cli.doctor import FAILED, MISSING, OK, examine, is_healthy
from ding_alma.cli.train import train_command
from ding_alma.cli.trust import trust_option
from ding_alma.policy.alma import ALLOCATION_SOURCES
from ding_alma.reference_runs.import_run import import_run
from ding_alma.report.allocation_choice import choose_allocation
from ding_alma.report.play import Run, evaluate, film, load_run, summarise
from ding_alma.report.scenario_table import scenario_table
from ding_alma.run.run_error import RunError
from ding_alma.run.stop_request import exit_status, tell
from dizoo_ext.gif import save_gif

CONTEXT = dict(help_option_names=["-h", "--help"], show_default=True)
STATE_COLOURS = {OK: "green", MISSING: "yellow", FAILED: "red"}

checkpoint_argument = click.argument("checkpoint", type=click.Path(path_type=Path))
config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="Config file, instead of the one kept in the run's folder."
)
scenario_option = click.option("--scenario", help="Another scenario than the one of the training.")
seed_option = click.option("--seed", type=click.IntRange(min=0), default=0, help="Seed of the first environment.")
allocator_option = click.option(
    "--allocator", type=click.Path(path_type=Path), help="Checkpoint or folder of another run, whose allocator is used."
)
allocation_option = click.option(
    "--allocation", type=click.Choice(ALLOCATION_SOURCES), help="Who allocates agents, if not as in the training."
)


class Commands(click.Group):
    """Ends with 128 + SIGINT at Ctrl-C, as shells expect, where click would end with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            tell("Interrupted")
            raise SystemExit(exit_status(signal.SIGINT)) from None


@click.group(cls=Commands, context_settings=CONTEXT)
def main() -> None:
    """Look at policies that `ding` has trained.

    CHECKPOINT is a file such as runs/NAME/ckpt/ckpt_best.pth.tar, or a run's folder, which stands for its best
    checkpoint.
    """


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


@main.command("eval", cls=ScenariosCommand)
@checkpoint_argument
@click.option("--episodes", type=click.IntRange(min=1), default=160, help="Episodes to play, per scenario.")
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
    checkpoint: Path,
    episodes: int,
    config: Path | None,
    scenarios: tuple[str, ...],
    metrics: tuple[str, ...],
    seed: int,
    allocator: Path | None,
    allocation: str | None,
) -> None:
    """Play episodes without exploration and print the mean of every metric, or a table with one row per scenario.

    Scenarios may have other numbers of agents and subtasks than the training's, as far as the weights allow. A list of
    teams is written with plus signs: BF+BFG.

    With --allocator, the agents of CHECKPOINT work under the allocator of another run, as in the ALMA paper's test of
    joint training.
    """
    if metrics and not scenarios:
        raise click.UsageError("--metric chooses the columns of the table that --scenario asks for")
    if not scenarios:
        with _user_errors(None):
            played = evaluate(_load(checkpoint, config, None, allocator, allocation), episodes, seed)
        _print_table(played)
        return
    by_scenario = {}
    for scenario in scenarios:
        with _user_errors(scenario):
            run = _load(checkpoint, config, scenario, allocator, allocation)
            by_scenario[scenario] = evaluate(run, episodes, seed)
    with _user_errors(None):
        click.echo(scenario_table(by_scenario, metrics))


@main.command("render")
@checkpoint_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="GIF file to write.")
@click.option("--episodes", type=click.IntRange(min=1), default=1, help="Episodes to play.")
@click.option("--fps", type=click.FloatRange(min=0, min_open=True), default=8.0, help="Steps per second.")
@config_option
@scenario_option
@seed_option
@allocator_option
@allocation_option
@trust_option
def render_command(
    checkpoint: Path,
    output: Path,
    episodes: int,
    fps: float,
    config: Path | None,
    scenario: str | None,
    seed: int,
    allocator: Path | None,
    allocation: str | None,
) -> None:
    """Play episodes without exploration and write them as an animation."""
    if output.suffix.lower() != ".gif":
        raise click.BadParameter(f"must end with .gif, got {output}", param_hint="--output")
    with _user_errors(scenario):
        frames, metrics = film(_load(checkpoint, config, scenario, allocator, allocation), episodes, seed)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_gif(frames, output, fps)
    click.echo(f"{output}: {len(frames)} frames")
    _print_table(metrics)


@main.command("import")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--config", type=click.Path(path_type=Path), required=True, help="Config file of the environment and the policy."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder of the run to write.")
@click.option("--step", type=click.IntRange(min=0), help="Time step, where there are several; default: the newest.")
def import_command(folder: Path, config: Path, output: Path, step: int | None) -> None:
    """Make a run from a checkpoint of the original ALMA or REFIL repository.

    FOLDER holds agent.th, mixer.th and so on, or folders named by time steps that do, or STEP_agent.th and so on.
    """
    with _user_errors(None):
        checkpoint, changes = import_run(folder, config, output, step)
    click.echo(f"{output}: {', '.join(checkpoint.states)} at {checkpoint.env_step} environment steps")
    for change in changes:
        click.echo(f"from the weights: {change}")


@main.command("doctor")
@click.pass_context
def doctor_command(context: click.Context) -> None:
    """Check what is installed; fails if something that training needs is missing."""
    checks = examine()
    name_width, state_width = (max(len(check[column]) for check in checks) for column in (0, 1))
    for check in checks:
        state = click.style(f"{check.state:<{state_width}}", fg=STATE_COLOURS[check.state])
        click.echo(f"{check.name:<{name_width}}  {state}  {check.found}{check.fix and f' -> {check.fix}'}")
    if not is_healthy(checks):
        context.exit(1)


main.add_command(analyse_command)
main.add_command(compare_command)
main.add_command(train_command)


def _load(
    checkpoint: Path, config: Path | None, scenario: str | None, allocator: Path | None, allocation: str | None
) -> Run:
    run = load_run(checkpoint, config, scenario)
    return choose_allocation(run, None if allocator is None else load_run(allocator), allocation)


@contextlib.contextmanager
def _user_errors(scenario: str | None) -> Iterator[None]:
    """Show what the user can mend as one line; a foreign scenario may have sizes that the networks do not take."""
    try:
        yield
    except RunError as error:
        raise click.ClickException(str(error)) from error
    except (RuntimeError, ValueError, IndexError) as error:
        if scenario is None:
            raise
        raise click.ClickException(
            f"the policy cannot play scenario {scenario!r}, perhaps its sizes are not those of the training: {error}"
        ) from error


def _print_table(metrics: list[dict[str, float]]) -> None:
    summary = summarise(metrics)
    width = max(len("metric"), *map(len, summary))
    click.echo(f"{'metric':<{width}}  {'mean':>10}  {'std. error':>10}  {'episodes':>8}")
    for name, (mean, error, count) in summary.items():
        numbers = "  ".join(f"{value:>10.4f}" if math.isfinite(value) else f"{'-':>10}" for value in (mean, error))
        click.echo(f"{name:<{width}}  {numbers}  {count:>8}")
