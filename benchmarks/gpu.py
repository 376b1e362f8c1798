"""The paper's settings on a GPU: is it right, and how fast is it?

    uv run python benchmarks/gpu.py --device cuda
    uv run python benchmarks/gpu.py --device cpu --size small --policies alma --updates 3 --env-steps 4000

For every policy: largest difference of weights between the CPU and the device after the same updates with the same
random numbers, and between captured updates (``policy.learn.capture``) and plain ones; updates per second of both on
one batch after another from a filled buffer, waiting for the device only at the end; environment steps per second of
DI-engine's serial pipeline from end to end, where its time goes, and the hours that the paper's whole run would take
at that rate; then the same rate of the first policy in the paper's and in the fast setting with several numbers of
environments, and the memory that it took.

It ends within ``--minutes``, imports included, and says what it left out; what is under way then has `GRACE` seconds to
come to an end. It needs DI-engine and what this project needs beside it; `carry.py` packs all of that but torch, for a
machine without a network.
"""

import platform
import signal
import time
from types import FrameType

import click

POLICIES = ("alma", "aqmix", "refil", "copa", "mppo")
GRACE = 15
"""Seconds after the minutes until whatever is under way, be it a compilation, is broken off."""


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.option("--device", type=click.Choice(["cpu", "cuda"]), required=True)
@click.option("--replay", type=click.Choice(["cpu", "cuda"]), default="cpu", help="Where episodes are kept.")
@click.option("--policies", type=click.Choice(POLICIES), multiple=True, default=POLICIES)
@click.option("--updates", type=click.IntRange(min=1), default=20, help="Updates that are timed.")
@click.option("--env-steps", type=float, default=20_000, help="Of the run from end to end; 0 leaves it out.")
@click.option(
    "--size", type=click.Choice(["paper", "small"]), default="paper", help="The paper's task or the small one."
)
@click.option("--environments", type=click.IntRange(min=1), multiple=True, default=(8, 64, 512), help="Side by side.")
@click.option("--minutes", type=click.FloatRange(min=0.1), default=5.5, help="When to end.")
def main(
    device: str,
    replay: str,
    policies: tuple[str, ...],
    updates: int,
    env_steps: float,
    size: str,
    environments: tuple[int, ...],
    minutes: float,
) -> None:
    """Check and time the paper's settings on a device."""
    begun = time.monotonic()
    break_off_after(60 * minutes + GRACE)
    uses_cuda = device == "cuda"
    # These imports are part of the minutes, and the lines above them tell about a machine on which they fail.
    import torch

    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    click.echo(f"Python {platform.python_version()}, torch {torch.__version__}, CUDA {torch.version.cuda}, {card}")
    if "cuda" in (device, replay) and not torch.cuda.is_available():
        raise click.ClickException("torch sees no GPU; use --device cpu --replay cpu")
    click.echo(f"on the {'GPU' if uses_cuda else f'CPU, {torch.get_num_threads()} threads'}")
    from gpu_checks import RUN_STEPS, Deadline, end_to_end, scratch_folder, settings, updates_row, with_environments
    from training_profile import table

    deadline = Deadline(60 * minutes - (time.monotonic() - begun))
    click.echo(f"imports took {time.monotonic() - begun:.0f} s")
    click.echo(f"{'policy':<8} {'difference':>11} {'updates/s':>10} {'captured: difference, updates/s':>35}")
    for place, name in enumerate(policies):
        if not deadline.left():
            click.echo(f"{name:<8} left out: the {minutes:g} minutes are over")
            continue
        # Runs from end to end get what the updates leave of the time, at least half of it.
        seconds = deadline.left() / (len(policies) - place) / (4 if env_steps else 2)
        with scratch_folder():
            click.echo(f"{name:<8} {updates_row(name, replay, uses_cuda, size, updates, seconds)}")
    sizes = ("paper", "fast") if size == "paper" else (size,)
    crowds = [(each, number) for each in sizes for number in environments] if policies[0] != "mppo" else []
    for place, name in enumerate(policies if env_steps else ()):
        seconds = deadline.left() / (len(policies) - place + len(crowds))
        with scratch_folder():
            result = end_to_end(*settings(name, replay, uses_cuda, size), int(env_steps), seconds) if seconds else None
        if result is None:
            click.echo(f"\n{name}: over before its clock started; raise --minutes or --env-steps")
        else:
            hours = RUN_STEPS / result["lasting_rate"] / 3600
            click.echo(
                f"\n{name}: {result['lasting_rate']:,.0f} environment steps/s, {hours:,.1f} hours for {RUN_STEPS:,}; "
                f"what was timed:\n{table(result)}"
            )
    for place, (each, number) in enumerate(crowds if env_steps else ()):
        seconds = deadline.left() / (len(crowds) - place)
        label = f"{policies[0]}, {each} setting, {number} environments"
        with scratch_folder():
            crowded = with_environments(*settings(policies[0], replay, uses_cuda, each), number)
            # Three collections: two that are not counted, and one that is.
            result = end_to_end(*crowded, max(int(env_steps), 600 * number), seconds) if seconds else None
        if result is None:
            click.echo(f"{label}: over before its clock started; raise --minutes")
        else:
            rate = result["lasting_rate"]
            click.echo(
                f"{label}: {rate:,.0f} environment steps/s, {RUN_STEPS / rate / 3600:,.1f} hours, {result['memory']}"
            )


def break_off_after(seconds: float) -> None:
    """Have this process exit then, with a line that says why."""

    def exit_now(number: int, frame: FrameType | None) -> None:
        raise SystemExit(f"broken off after {seconds:.0f} seconds; raise --minutes or name fewer --policies")

    signal.signal(signal.SIGALRM, exit_now)
    signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    main()
