"""Time one allocation update of ALMA at SaveTheCity's shapes on one thread: python benchmarks/allocation_update.py"""

import argparse
import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from ding_alma.model.allocation.allocator import NETWORKS, Allocator
from ding_alma.rl.allocation import AllocationDraws, AllocationLossConfig, allocation_losses
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.decision_points import decision_points
from ding_alma.rl.optimisation import Descent

AGENTS, SUBTASKS, FEATURES, PROPOSALS = 5, 6, 58, 32
ENTITIES = AGENTS + SUBTASKS
ROWS, STEPS, PERIOD, LIMIT = 32, 64, 5, 400
TEAM_SIZES, TEAM_SHARES = (2, 3, 4, 5), np.array([3, 1, 3, 6]) / 13
"""Teams of the scenario set 2-5a_2-5b; a team of n has n + 1 buildings."""


def synthetic_batch(rng: np.random.Generator, finishing: bool, steps: int = STEPS) -> EpisodeBatch:
    """Windows with the structure of SaveTheCity's; decisions every period and whenever a building is finished.

    Args:
        finishing: buildings are finished at uniformly random times within two window lengths; else none ever is.
    """
    shape = (ROWS, steps)
    team = rng.choice(TEAM_SIZES, size=ROWS, p=TEAM_SHARES)[:, None]
    exists = np.concatenate([np.arange(AGENTS) < team, np.arange(SUBTASKS) < team + 1], 1)
    finished_at = rng.integers(1, 2 * steps, size=(ROWS, 1, SUBTASKS))
    finished_at[..., 0] = steps
    time_left = np.arange(steps)[None, :, None] < (finished_at if finishing else steps)
    unfinished = time_left & exists[:, None, AGENTS:]
    decision = np.zeros(shape, bool)
    held_for = np.full(ROWS, PERIOD)
    for step in range(steps):
        changed = (unfinished[:, step] != unfinished[:, step - 1]).any(1) if step else True
        decision[:, step] = changed | (held_for >= PERIOD)
        held_for = np.where(decision[:, step], 1, held_for + 1)
    allocation = (rng.random((*shape, AGENTS, SUBTASKS)) * unfinished[:, :, None]).argmax(-1)
    arrays = dict(
        entities=(rng.standard_normal((*shape, ENTITIES, FEATURES)) * exists[:, None, :, None]).astype(np.float32),
        entity_mask=np.broadcast_to(exists[:, None], (*shape, ENTITIES)),
        obs_mask=np.ones((*shape, 0, 0), bool),
        entity_subtask=np.broadcast_to(
            np.where(exists, np.r_[np.full(AGENTS, -1), np.arange(SUBTASKS)], -1)[:, None], (*shape, ENTITIES)
        ),
        subtask_mask=unfinished,
        action_mask=np.ones((*shape, AGENTS, 0), bool),
        allocation=np.where(exists[:, None, :AGENTS], allocation, -1),
        action=np.zeros((*shape, AGENTS), np.int64),
        last_action=np.zeros((*shape, AGENTS), np.int64),
        reward=rng.standard_normal(shape).astype(np.float32),
        subtask_reward=np.zeros((*shape, SUBTASKS), np.float32),
        terminated=np.zeros(shape, bool),
        last_transition=np.zeros(shape, bool),
        subtask_done=~unfinished,
        decision=decision,
        valid=np.ones(shape, bool),
        collected_at=np.zeros(ROWS, np.int64),
    )
    tensors: dict[str, Any] = {key: torch.tensor(value) for key, value in arrays.items()}
    return EpisodeBatch(action_subtask=None, **tensors)


class Stopwatch:
    """CPU milliseconds per named part, one entry per call."""

    def __init__(self) -> None:
        self.parts: dict[str, list[float]] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        start = time.process_time()
        yield
        self.parts.setdefault(name, []).append((time.process_time() - start) * 1000)

    def print(self, warm_up: int) -> None:
        kept = {name: spent[warm_up:] for name, spent in self.parts.items()}
        kept["total"] = np.sum(list(kept.values()), 0).tolist()
        print(f"{'part':<28}{'minimum':>10}{'median':>10}{'share':>8}")
        for name, spent in kept.items():
            share = np.median(spent) / np.median(kept["total"])
            print(f"{name:<28}{min(spent):>10.1f}{np.median(spent):>10.1f}{share:>8.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--all-unfinished", action="store_true", help="the most expensive case: no building is done")
    parser.add_argument("--fast", action="store_true", help="sizes of the `fast` setting instead of the paper's")
    parser.add_argument("--network", choices=NETWORKS, default=NETWORKS[0], help="proposal network and critic")
    parser.add_argument("--profile", action="store_true", help="also print the operators that take longest")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    steps, proposals, dim = (32, 8, 32) if args.fast else (STEPS, PROPOSALS, 128)
    batch = synthetic_batch(np.random.default_rng(0), finishing=not args.all_unfinished, steps=steps)
    live = Allocator(FEATURES, SUBTASKS, proposals, dim, critic_dim=dim, network=args.network)
    target = copy.deepcopy(live)
    rmsprop = partial(torch.optim.RMSprop, lr=5e-4, alpha=0.99, eps=1e-5)
    critic_descent, proposal_descent = (Descent(network, rmsprop, 10) for network in (live.critic, live.proposal))
    watch, within, config = Stopwatch(), Stopwatch(), AllocationLossConfig()

    untrained = copy.deepcopy(live.state_dict())

    def update() -> None:
        # An untrained proposal network repeats itself least, which is the most expensive case.
        live.load_state_dict(untrained)
        with watch.part("decision points"):
            points = decision_points(batch, PERIOD, LIMIT)
        with watch.part("draws"):
            draws = AllocationDraws.draw(None, live, points)
        with watch.part("losses"):
            critic_loss, proposal_loss, _ = allocation_losses(live, target, points, 1000, config, draws)
        with watch.part("critic backward and step"):
            critic_descent.step(critic_loss)
        with watch.part("proposal backward and step"):
            proposal_descent.step(proposal_loss)
        with within.part("proposals (in losses)"):
            drawn = draws.proposals
            sampled = live.proposal.sample(points, drawn.proposal_permutation, drawn.uniforms)
        with within.part("their values (in losses)"):
            live.critic.values(points, sampled.allocation, drawn.value_permutation)

    for _ in range(args.repeats + 2):
        update()
    points = decision_points(batch, PERIOD, LIMIT)
    print(
        f"{int(batch.decision.sum())} decision points, {points.points} used, {proposals} proposals, "
        f"{points.active.sum(1).float().mean():.1f} agents and {points.subtask_mask.sum(1).float().mean():.1f} "
        f"unfinished subtasks on average; 1 thread, CPU milliseconds, {args.repeats} updates"
    )
    watch.print(2)
    for name, spent in within.parts.items():
        print(f"{name:<28}{min(spent):>10.1f}{np.median(spent):>10.1f}")
    if args.profile:
        with torch.profiler.profile() as profile:
            update()
        averages = profile.key_averages()
        print(sum(entry.count for entry in averages if entry.key.startswith("aten::")), "ATen calls")
        print(averages.table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45))


if __name__ == "__main__":
    main()
