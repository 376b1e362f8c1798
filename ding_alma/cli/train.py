"""The command ``ding-alma train``: one config, changed on the command line, several seeds."""

import math
import os
from pathlib import Path
from typing import Any

import click

from ding_alma.cli.config_arguments import Change, ConfigName
from ding_alma.cli.side_by_side import train_side_by_side
from ding_alma.cli.trust import trust_option
from ding_alma.cli.waiting import import_everything
from ding_alma.run.run_error import RunError


class SeedsCommand(click.Command):
    """Lets ``--seeds`` take several numbers: ``--seeds 0 1 2``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option before each further number."""
        repeated: list[str] = []
        is_seed = False
        for argument in args:
            if is_seed and argument.isdigit() and repeated[-1] != "--seeds":
                repeated.append("--seeds")
            elif argument == "--seeds":
                is_seed = True
            elif not argument.isdigit():
                is_seed = False
            repeated.append(argument)
        return super().parse_args(ctx, repeated)


@click.command("train", cls=SeedsCommand)
@click.argument("config", type=ConfigName(), required=False)
@click.argument("changes", type=Change(), nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--policy", help="Another policy than the config's; the same as policy.type=NAME.")
@click.option(
    "--seeds", type=click.IntRange(0, 2**31 - 1), multiple=True, default=(0,), metavar="N...", help="One run per seed."
)
@click.option(
    "--env-step",
    type=click.FloatRange(min=1),
    help="Environment steps of each run, such as 4e5. [default: the setting's]",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder of the runs seed0, ... [default: exp_name]"
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    help="Runs at a time, in processes of one thread each; a single run goes on in this one.",
)
@click.option(
    "--collectors", type=click.IntRange(min=1), help="Processes that collect, beside a learner and an evaluator."
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Instead of CONFIG: go on with the run in this folder, or with those in its folders seed0, ...",
)
@trust_option
def train_command(config: Path | None, changes: tuple[str, ...], policy: str | None, **options: Any) -> None:
    """Train CONFIG by DI-engine's own pipeline, once per seed.

    KEY=VALUE changes a key of the merged config, such as policy.learn.batch_size=16. Unknown keys, keys that only other
    policies read and values of a wrong type are refused before anything starts. `ding -m serial -c CONFIG` trains the
    same without changes.
    """
    swap = [f"policy.type={policy}"] if policy else []
    steps, seeds = options["env_step"], list(options["seeds"])
    if steps is not None and not math.isfinite(steps):
        raise click.ClickException(f"--env-step must be a finite number of steps, got {steps}")
    steps = None if steps is None else int(steps)
    import_everything()
    # Not before: a name of an option that does not exist, or a wish for help, is answered at once.
    from ding_alma.run.training import plan, plan_resume, train

    try:
        if options["resume"] is not None:
            if config or policy or options["output"] or seeds != [0]:
                raise click.UsageError("--resume takes everything but --env-step and --jobs from the run's folder")
            jobs = plan_resume(options["resume"], steps)
        elif config is None:
            raise click.UsageError("name a CONFIG to train, or a run's folder to --resume")
        else:
            jobs = plan(config, [*changes, *swap], seeds, steps, options["output"])
    except RunError as error:
        raise click.ClickException(str(error)) from error
    if not jobs:
        reached = "complete" if steps is None else f"{steps:,} environment steps were made before"
        click.echo(f"{options['resume']}: {reached}; --env-step says how far to go beyond")
        return
    if options["collectors"]:
        if options["resume"] is not None:
            raise click.ClickException("--collectors begins a run anew; --resume goes on in one process")
        if len(jobs) > 1:
            raise click.ClickException("--collectors shares one run among processes; give one seed")
        # Imported here because DI-engine's router takes seconds to import.
        from ding_alma.pipeline.parallel import train_on_this_host

        train_on_this_host(jobs[0], options["collectors"])
        return
    if len(jobs) == 1:
        try:
            train(jobs[0])
        except (RunError, OSError, ImportError) as error:
            raise click.ClickException(f"{jobs[0].folder}: {error}") from error
        return
    failed = train_side_by_side(jobs, options["jobs"], click.echo)
    if failed:
        folders = ", ".join(str(job.folder) for job in failed)
        raise click.ClickException(f"{len(failed)} of {len(jobs)} runs failed: {folders}")
