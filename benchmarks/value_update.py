"""Time one update of ALMA's agents and mixer at SaveTheCity's shapes: python benchmarks/value_update.py"""

import argparse
import copy
import time
from collections import defaultdict
from typing import Any

import numpy as np
import torch

from ding_alma.model.value.value_network import ValueNetwork, ValueShape
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.mixed_q import MixedQConfig, MixedQDraws, mixed_q_loss

AGENTS, ENTITIES, SUBTASKS, ACTIONS, FEATURES = 5, 11, 6, 12, 58
ROWS, STEPS, PERIOD = 32, 64, 5
TEAM_SIZES, TEAM_SHARES = (2, 3, 4, 5), np.array([3, 1, 3, 6]) / 13
"""Teams of the scenario set 2-5a_2-5b; a team of n has n + 1 buildings."""


def synthetic_batch(rng: np.random.Generator) -> EpisodeBatch:
    """Windows with the structure of SaveTheCity's: absent entities, agents spread over unfinished buildings."""
    shape = (ROWS, STEPS)
    team = rng.choice(TEAM_SIZES, size=ROWS, p=TEAM_SHARES)
    exists = np.zeros((*shape, ENTITIES), bool)
    exists[..., :AGENTS] = (np.arange(AGENTS) < team[:, None])[:, None]
    exists[..., AGENTS:] = (np.arange(SUBTASKS) < team[:, None] + 1)[:, None]
    building = exists[..., AGENTS:]
    present = exists[..., :AGENTS]
    finished_at = rng.integers(0, 2 * STEPS, size=(ROWS, SUBTASKS))
    finished_at[:, 0] = STEPS
    done = (np.arange(STEPS)[None, :, None] >= finished_at[:, None]) | ~building
    started = np.concatenate([~building[:, :1], done[:, :-1]], 1)
    allocation = np.full((*shape, AGENTS), -1)
    for row in range(ROWS):
        for step in range(STEPS):
            if step % PERIOD == 0:
                held = rng.choice(np.flatnonzero(~started[row, step]), size=AGENTS)
            allocation[row, step] = np.where(present[row, step], held, -1)
    entity_subtask = np.full((*shape, ENTITIES), -1)
    entity_subtask[..., AGENTS:] = np.where(building, np.arange(SUBTASKS), -1)
    action_mask = rng.random((*shape, AGENTS, ACTIONS)) < 0.6
    action_mask[..., 0] = True
    action_mask[~present] = np.arange(ACTIONS) == 0
    action = (rng.random(action_mask.shape) * action_mask).argmax(-1)
    valid = rng.random(shape) > 0.01
    arrays = dict(
        entities=(rng.standard_normal((*shape, ENTITIES, FEATURES)) * exists[..., None]).astype(np.float32),
        entity_mask=exists,
        obs_mask=present[..., None] & exists[:, :, None],
        entity_subtask=entity_subtask,
        subtask_mask=~started,
        action_mask=action_mask,
        allocation=allocation,
        action=action,
        last_action=np.concatenate([np.full((ROWS, 1, AGENTS), -1), action[:, :-1]], 1),
        reward=rng.standard_normal(shape).astype(np.float32),
        subtask_reward=rng.standard_normal((*shape, SUBTASKS)).astype(np.float32),
        terminated=np.zeros(shape, bool),
        last_transition=np.zeros(shape, bool),
        subtask_done=done & valid[..., None],
        decision=np.broadcast_to(np.arange(STEPS) % PERIOD == 0, shape).copy(),
        valid=valid,
        collected_at=np.zeros(ROWS, np.int64),
    )
    tensors: dict[str, Any] = {key: torch.from_numpy(value) for key, value in arrays.items()}
    return EpisodeBatch(action_subtask=None, **tensors)


class Clock:
    """CPU milliseconds per part of an update; networks' forward passes are parts of their own."""

    def __init__(self, networks: dict[str, ValueNetwork]) -> None:
        self.parts: dict[str, float] = defaultdict(float)
        for owner, value_network in networks.items():
            self._watch(f"{owner} agents, forward", value_network.agent)
            self._watch_weights(f"{owner} mixer, forward", value_network.mixer)
            if value_network.coach is not None:
                self._watch(f"{owner} coach, forward", value_network.coach)

    def _watch(self, name: str, module: torch.nn.Module) -> None:
        module.register_forward_pre_hook(lambda *_: self.lap("rest of the forward pass"))
        module.register_forward_hook(lambda *_: self.lap(name))

    def _watch_weights(self, name: str, mixer: Any) -> None:
        weights = mixer.weights

        def watched(*arguments: Any) -> Any:
            self.lap("rest of the forward pass")
            made = weights(*arguments)
            self.lap(name)
            return made

        mixer.weights = watched

    def start(self) -> None:
        self._begin = self._mark = time.process_time()

    def lap(self, name: str) -> None:
        """Book the time since the last call under ``name``."""
        now = time.process_time()
        self.parts[name] += (now - self._mark) * 1000
        self._mark = now

    def total(self) -> float:
        return (self._mark - self._begin) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--variant", choices=("alma", "alma_refil", "flat", "refil", "no_mask", "copa"), default="alma")
    parser.add_argument("--profile", action="store_true", help="also print the operators that take longest")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    batch = synthetic_batch(np.random.default_rng(0))
    conditioning = {"alma": "mask", "alma_refil": "mask", "no_mask": "embed"}.get(args.variant, "none")
    shape = ValueShape(FEATURES, ACTIONS, SUBTASKS)
    live = ValueNetwork(shape, conditioning, coach=args.variant == "copa")
    target = copy.deepcopy(live)
    config = MixedQConfig(imagined_weight=0.5 if "refil" in args.variant else 0.0)
    optimizer = torch.optim.RMSprop(live.parameters(), lr=5e-4, alpha=0.99, eps=1e-5)
    clock = Clock(networks={"live": live, "target": target})
    totals = []

    def update() -> None:
        clock.start()
        draws = MixedQDraws.draw(live, batch, config)
        optimizer.zero_grad()
        loss, _ = mixed_q_loss(live, target, batch, config, draws)
        clock.lap("rest of the forward pass")
        loss.backward()
        clock.lap("backward pass")
        torch.nn.utils.clip_grad_norm_(live.parameters(), 10)
        optimizer.step()
        clock.lap("clip and step")
        totals.append(clock.total())

    for repeat in range(args.repeats + 2):
        update()
        if repeat == 1:
            clock.parts.clear()
            totals.clear()
    print(
        f"{args.variant}: {ROWS} windows x {STEPS} steps, 1 thread, CPU milliseconds per update, {args.repeats} updates"
    )
    print(f"{'part':<26}{'mean':>8}{'share':>8}")
    for name, spent in clock.parts.items():
        print(f"{name:<26}{spent / args.repeats:>8.1f}{spent / sum(totals):>8.0%}")
    print(f"{'total':<26}{np.mean(totals):>8.1f}{'100%':>8}")
    print(f"minimum {min(totals):.1f}, median {np.median(totals):.1f}")
    if args.profile:
        with torch.profiler.profile() as profile:
            update()
        print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45))


if __name__ == "__main__":
    main()
