"""How often an update waits for a GPU and what it launches there, without a GPU: python benchmarks/device_waits.py

On the pretended GPU of tests/helpers/pretended_gpu.py, with the small task's configs on SaveTheCity and the replay on
the device. A wait is what ``torch.cuda.set_sync_debug_mode`` would report, or a ``torch.cuda.synchronize``; a kernel is
an ATen call on tensors of the device. Counted are an update between two readings of the monitored values
(``policy.learn.monitor_interval``) and one that reads them; for masked PPO its one update per collection, by the
minibatch for kernels. Of a captured update (``policy.learn.capture``) its replays count as one kernel each, beside
those that are not captured.
"""

import sys
from pathlib import Path

import click
import torch
from ding.config import read_config
from ding.policy import Policy
from easydict import EasyDict
from gpu import POLICIES
from gpu_checks import CONFIGS, Batches, filled_buffer, new_policy, scratch_folder

from ding_alma.rl.captured_update import WARM_UP

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from pretended_gpu import PretendedGpu

INTERVAL = 100
"""Updates between readings: more than are counted here."""


def settings(policy: str, captures: bool = False) -> tuple[EasyDict, EasyDict]:
    """The small task's config of a policy, on the device."""
    main, create = read_config(str(CONFIGS / "small" / f"save_the_city_{policy}_config.py"))
    main.exp_name = "run"
    main.policy.cuda = True
    main.policy.learn.monitor_interval = INTERVAL
    if captures:
        main.policy.learn.capture = True
    if create.policy.type != "mppo":
        main.policy.other.setdefault("replay_buffer", EasyDict()).device = "cuda"
    return main, create


def update(policy: Policy, batches: Batches, gpu: PretendedGpu) -> tuple[int, int, int]:
    """Waits and kernels of one update, and the number of minibatches in it."""
    data = batches.next_for(policy)
    gpu.forget()
    values = policy.learn_mode.forward(data)
    return gpu.waits.total(), gpu.kernels, len(values) if isinstance(values, list) else 1


def captured_kernels(name: str, batches: Batches, gpu: PretendedGpu) -> tuple[int, int]:
    """Kernels and replays of one captured update, and the number of minibatches in it."""
    policy = new_policy(*settings(name, captures=True))
    for _ in range(WARM_UP + 1):
        policy.learn_mode.forward(batches.next_for(policy))
    _, kernels, minibatches = update(policy, batches, gpu)
    return kernels, minibatches


def told(kernels: int, minibatches: int, is_on_policy: bool) -> str:
    """By the minibatch where there are many."""
    return f"{kernels / minibatches:.0f} in each of {minibatches} minibatches" if is_on_policy else str(kernels)


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.option("--policies", type=click.Choice(POLICIES), multiple=True, default=POLICIES)
@click.option("--where", is_flag=True, help="Also print the lines that wait.")
def main(policies: tuple[str, ...], where: bool) -> None:
    """Count what updates wait for and launch."""
    torch.set_num_threads(1)
    click.echo("| policy | waits between readings | waits with a reading | kernels | kernels, captured |")
    click.echo("|---|---|---|---|---|")
    for name in policies:
        with scratch_folder(), PretendedGpu() as gpu:
            settled = settings(name)
            policy = new_policy(*settled)
            is_on_policy = bool(policy._cfg.on_policy)
            batches = Batches(filled_buffer(*settled, policy), policy._cfg.learn.batch_size, is_on_policy)
            reading, *_ = update(policy, batches, gpu)
            between, kernels, minibatches = update(policy, batches, gpu)
            lines = gpu.waits.copy()
            captured = captured_kernels(name, batches, gpu)
        columns = [f"`{name}`", between, reading, told(kernels, minibatches, is_on_policy)]
        click.echo(f"| {' | '.join(map(str, columns))} | {told(*captured, is_on_policy)} |")
        for line, times in lines.most_common() if where else ():
            click.echo(f"    {times} {line}", err=True)


if __name__ == "__main__":
    main()
