"""Environment steps per second of whole training runs against the number of collectors.

    uv run python benchmarks/parallel_speed.py configs/small/save_the_city_alma_config.py --env-steps 2e4

trains with DI-engine's serial pipeline and with the parallel one (a learner, an evaluator and 1, 2, 4 collectors, a
process of one thread each) and prints the rate between the first and the last thing that a collector logged, so that
imports and compilation do not count.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TAG = "collector_step/reward_mean"


def train(config: Path, collectors: int, env_steps: float, folder: Path) -> None:
    """Train in ``folder``; no collectors = the serial pipeline."""
    command = [str(Path(sys.executable).with_name("ding-alma")), "train", str(config), "--env-step", str(env_steps)]
    command += ["-o", str(folder)]
    command += ["--collectors", str(collectors)] if collectors else []
    # Collectors log after every collection, evaluation is a matter of its own.
    command += ["policy.collect.collector.collect_print_freq=1", "policy.eval.evaluator.eval_freq=1000000"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(done.stdout[-2000:] + done.stderr[-2000:])


def env_steps_per_second(run: Path) -> float:
    """Between the first and the last collection that was logged."""
    events = EventAccumulator(str(run / "log" / "serial"), size_guidance={"scalars": 0})
    events.Reload()
    logged = events.Scalars(TAG)
    steps = [point.step for point in logged]
    seconds = [point.wall_time for point in logged]
    if max(seconds) == min(seconds):
        raise click.ClickException(f"one collection alone was logged in {run}; raise --env-steps")
    return (max(steps) - min(steps)) / (max(seconds) - min(seconds))


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--env-steps", type=float, default=2e4, help="Environment steps of every run.")
@click.option("--collectors", type=int, multiple=True, default=(0, 1, 2, 4), help="0 = the serial pipeline.")
def main(config: Path, env_steps: float, collectors: tuple[int, ...]) -> None:
    """Train CONFIG with several numbers of collectors and print the rates."""
    click.echo(f"{os.cpu_count()} cores\n{'collectors':<12} {'env steps/s':>12}")
    for number in collectors:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "run"
            train(config.resolve(), number, env_steps, folder)
            rate = env_steps_per_second(folder / "seed0")
        click.echo(f"{number or 'serial':<12} {rate:>12,.1f}")


if __name__ == "__main__":
    main()
