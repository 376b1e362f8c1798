"""The command ``ding-alma``: look at trained policies, and at what is installed."""

import signal
from pathlib import Path
from typing import Any

import click

from ding_alma.cli.analyse import analyse_command
from ding_alma.cli.compare import compare_command
from ding_alma.cli.config_arguments import Change
from ding_alma.cli.configs import config_command, configs_command
from ding_alma.cli.doctor import FAILED, MISSING, OK, examine, is_healthy
from ding_alma.cli.evaluate import (
    allocation_option,
    allocator_option,
    checkpoint_argument,
    config_option,
    evaluate_command,
    load,
    print_table,
    seed_option,
    user_errors,
)
from ding_alma.cli.report import report_command
from ding_alma.cli.train import train_command
from ding_alma.cli.trust import trust_option
from ding_alma.cli.waiting import import_everything
from ding_alma.run.stop_request import exit_status, tell

CONTEXT = dict(help_option_names=["-h", "--help"], show_default=True)
STATE_COLOURS = {OK: "green", MISSING: "yellow", FAILED: "red"}
STATE_WIDTH = max(map(len, STATE_COLOURS))
NAME_WIDTH = 24

scenario_option = click.option("--scenario", help="Another scenario than the one of the training.")


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
    """Train policies, and look at those that `ding-alma train` or `ding` has trained.

    CHECKPOINT is a file such as runs/NAME/ckpt/ckpt_best.pth.tar, or a run's folder, which stands for its best
    checkpoint.
    """


@main.command("render")
@checkpoint_argument
@click.argument("changes", type=Change(), nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write: .gif or .mp4.")
@click.option("--episodes", type=click.IntRange(min=1), default=1, help="Episodes to play.")
@click.option("--fps", type=click.FloatRange(min=0.1, max=60), default=8.0, help="Steps per second.")
@click.option("--size", type=click.IntRange(min=16, max=4096), help="Pixels of the longer side. [default: as drawn]")
@config_option
@scenario_option
@seed_option
@allocator_option
@allocation_option
@trust_option
def render_command(
    checkpoint: Path,
    changes: tuple[str, ...],
    output: Path,
    episodes: int,
    fps: float,
    size: int | None,
    config: Path | None,
    scenario: str | None,
    seed: int,
    allocator: Path | None,
    allocation: str | None,
) -> None:
    """Play episodes without exploration and write them as an animation.

    KEY=VALUE changes the environment, such as env.episode_limit=300, or policy.allocation.period.
    """
    from ding_alma.report.film_file import check_film_path, save_film

    with user_errors(None):
        check_film_path(output)
    import_everything()
    from ding_alma.report.play import film

    with user_errors(scenario):
        filmed = film(load(checkpoint, config, scenario, allocator, allocation, changes), episodes, seed)
    frames = [frame for episode in filmed for frame in episode.frames]
    save_film(frames, output, fps, size)
    click.echo(f"{output}: {len(frames)} frames")
    print_table([episode.metrics for episode in filmed])


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
    import_everything()
    from ding_alma.reference_runs.import_run import import_run

    with user_errors(None):
        checkpoint, changes = import_run(folder, config, output, step)
    click.echo(f"{output}: {', '.join(checkpoint.states)} at {checkpoint.env_step} environment steps")
    for change in changes:
        click.echo(f"from the weights: {change}")


@main.command("doctor")
@click.pass_context
def doctor_command(context: click.Context) -> None:
    """Check what is installed; fails if something that training needs is missing."""
    checks = []
    # Printed as they come: the last ones import everything, which takes seconds.
    for check in examine():
        checks.append(check)
        state = click.style(f"{check.state:<{STATE_WIDTH}}", fg=STATE_COLOURS[check.state])
        click.echo(f"{check.name:<{NAME_WIDTH}}  {state}  {check.found}{check.fix and f' -> {check.fix}'}")
    if not is_healthy(checks):
        context.exit(1)


main.add_command(analyse_command)
main.add_command(compare_command)
main.add_command(config_command)
main.add_command(configs_command)
main.add_command(evaluate_command)
main.add_command(report_command)
main.add_command(train_command)
