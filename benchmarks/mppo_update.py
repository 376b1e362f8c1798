"""Time and memory of one masked-PPO update against the number of trajectories: python benchmarks/mppo_update.py

Units on a map of 24 x 24 tiles, read where they stand, so that the networks' part is the same however many there are.
Every number of trajectories runs in a process of its own, on one thread.
"""

import argparse
import resource
import subprocess
import sys
import time
from dataclasses import fields

import torch

from ding_alma.model.actor_critic.map_actor_critic import FlatActor, MapActorCritic
from ding_alma.rl.optimisation import clipped_step
from ding_alma.rl.ppo import PpoConfig
from ding_alma.rl.ppo_update import PpoRows, minibatch_backward, minibatch_rows
from ding_alma.rl.separation import SEPARATIONS
from ding_alma.rl.trajectory_examples import ExampleConfig, MemberSteps, TrajectoryExamples, trajectory_examples

TRAJECTORIES = (1, 10, 100, 1000)
STEPS, ENVIRONMENTS, MINIBATCH, BOARD, PLANES, ACTIONS, ACTIVE = 32, 4, 32, 24, 18, 31, 0.8


def synthetic(
    trajectories: int, generator: torch.Generator
) -> tuple[MemberSteps, dict[str, torch.Tensor], torch.Tensor]:
    """Steps of random members that come and go, with observations and actions of every step."""
    shape, rows = (STEPS, ENVIRONMENTS, trajectories), STEPS * ENVIRONMENTS
    steps = MemberSteps(
        own_reward=torch.randn(shape, generator=generator),
        team_reward=torch.randn(shape[:2], generator=generator),
        value=torch.randn(STEPS + 1, *shape[1:], generator=generator),
        log_prob=-torch.rand(shape, generator=generator),
        active=torch.rand(STEPS + 1, *shape[1:], generator=generator) < ACTIVE,
        left=torch.zeros(shape, dtype=torch.bool),
        episode_over=torch.zeros(shape[:2], dtype=torch.bool),
        valid=torch.ones(shape[:2], dtype=torch.bool),
    )
    observed = {
        "planes": torch.randn(rows, PLANES, BOARD, BOARD, generator=generator),
        "member_position": torch.randint(BOARD, (rows, trajectories, 2), generator=generator),
        "member_type": torch.randint(2, (rows, trajectories), generator=generator),
        "action_mask": torch.ones(rows, trajectories, ACTIONS, dtype=torch.bool),
    }
    return steps, observed, torch.randint(ACTIONS, (rows, trajectories), generator=generator)


def peak() -> float:
    """Largest resident memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(trajectories: int, repeats: int) -> None:
    """Print CPU milliseconds of advantages and of an epoch, and MiB that both needed beyond the data."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    network = MapActorCritic(PLANES, 2, FlatActor(32, ACTIONS))
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-4, eps=1e-5)
    steps, observed, action = synthetic(trajectories, generator)
    before = peak()
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        start = time.process_time()
        examples = trajectory_examples(steps, ExampleConfig())
        spent[0].append(time.process_time() - start)
        flat = {f.name: getattr(examples, f.name).flatten(0, 1) for f in fields(examples)}
        rows = PpoRows(observed, flat["active"], action, None, TrajectoryExamples(**flat))
        start = time.process_time()
        for drawn in minibatch_rows(torch.arange(len(action)), MINIBATCH, 0, generator):
            optimiser.zero_grad()
            loss = minibatch_backward(network, rows.pick(drawn), SEPARATIONS["full"], "active", PpoConfig())
            clipped_step(loss.total, optimiser, network.parameters(), 0.5)
        spent[1].append(time.process_time() - start)
    print(*(1000 * min(times) for times in spent), peak() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--trajectories", type=int, help="measure this number alone, in this process")
    args = parser.parse_args()
    if args.trajectories is not None:
        measure(args.trajectories, args.repeats)
        return
    print(
        f"{STEPS} steps x {ENVIRONMENTS} environments, one epoch in minibatches of {MINIBATCH}, published network on "
        f"{BOARD} x {BOARD} tiles, 1 thread, best of {args.repeats}"
    )
    print(f"{'trajectories':>12}{'advantages':>14}{'epoch':>12}{'memory':>12}")
    for trajectories in TRAJECTORIES:
        command = [sys.executable, __file__, "--trajectories", str(trajectories), "--repeats", str(args.repeats)]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        advantages, epoch, memory = map(float, result.stdout.splitlines()[-1].split())
        print(f"{trajectories:>12}{advantages:>11.1f} ms{epoch:>9.0f} ms{memory:>8.0f} MiB")


if __name__ == "__main__":
    main()
