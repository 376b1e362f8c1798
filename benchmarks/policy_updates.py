"""Time one update of every policy beside the original's, on one thread: python benchmarks/policy_updates.py

The originals' figures are minima of their own learners on such a machine (two cores, one thread; REFIL's were taken
with two threads and are doubled); they compute padded agents and entities like present ones.
"""

import argparse
import copy
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import allocation_update
import numpy as np
import torch
from value_update import ACTIONS, FEATURES, SUBTASKS, synthetic_batch

from ding_alma.model.allocation.allocator import Allocator
from ding_alma.model.value.value_network import ValueNetwork, ValueShape
from ding_alma.rl.allocation import AllocationDraws, AllocationLossConfig, allocation_losses
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.decision_points import decision_points
from ding_alma.rl.mixed_q import MixedQConfig, MixedQDraws, mixed_q_loss
from ding_alma.rl.optimisation import Descent

RMSPROP = partial(torch.optim.RMSprop, lr=5e-4, alpha=0.99, eps=1e-5)

BATTLE_AGENTS, BATTLE_FEATURES, BATTLE_ACTIONS = 8, 38, 14
BATTLE_ROWS, BATTLE_STEPS = 32, 61
BATTLE_TEAMS, BATTLE_SHARES = np.arange(3, 9), np.array([4, 5, 6, 7, 8, 9]) / 39
"""Teams of REFIL's scenario set 3-8sz_symmetric, against as many enemies."""


class Case(NamedTuple):
    """One row of the table."""

    policy: str
    setting: str
    original: float
    """CPU milliseconds."""
    update: Callable[[], None]


def battle_batch(rng: np.random.Generator) -> EpisodeBatch:
    """Whole episodes of REFIL's StarCraft, in which everybody who is there is seen; 60 transitions each."""
    agents, shape = BATTLE_AGENTS, (BATTLE_ROWS, BATTLE_STEPS)
    entities = 2 * agents
    team = rng.choice(BATTLE_TEAMS, size=(BATTLE_ROWS, 1), p=BATTLE_SHARES)
    exists = np.broadcast_to(np.tile(np.arange(agents) < team, 2)[:, None], (*shape, entities))
    present = exists[..., :agents]
    action_mask = rng.random((*shape, agents, BATTLE_ACTIONS)) < 0.6
    action_mask[..., 0] = True
    action = (rng.random(action_mask.shape) * action_mask).argmax(-1)
    valid = np.ones(shape, bool)
    valid[:, -1] = False
    arrays = dict(
        entities=(rng.standard_normal((*shape, entities, BATTLE_FEATURES)) * exists[..., None]).astype(np.float32),
        entity_mask=exists,
        obs_mask=present[..., None] & exists[:, :, None],
        entity_subtask=np.full((*shape, entities), -1),
        subtask_mask=np.ones((*shape, 1), bool),
        action_mask=action_mask,
        allocation=np.full((*shape, agents), -1),
        action=action,
        last_action=np.concatenate([np.full((BATTLE_ROWS, 1, agents), -1), action[:, :-1]], 1),
        reward=rng.standard_normal(shape).astype(np.float32),
        subtask_reward=np.zeros((*shape, 1), np.float32),
        terminated=np.zeros(shape, bool),
        last_transition=np.zeros(shape, bool),
        subtask_done=np.zeros((*shape, 1), bool),
        decision=np.zeros(shape, bool),
        valid=valid,
        collected_at=np.zeros(BATTLE_ROWS, np.int64),
    )
    tensors: dict[str, Any] = {key: torch.tensor(value) for key, value in arrays.items()}
    return EpisodeBatch(action_subtask=None, **tensors)


def value_update(live: ValueNetwork, batch: EpisodeBatch, imagined_weight: float = 0.0) -> Callable[[], None]:
    """Loss, backward pass and step of agents and mixer."""
    target, config = copy.deepcopy(live), MixedQConfig(imagined_weight=imagined_weight)
    descent = Descent(live, RMSPROP, 10)

    def update() -> None:
        loss, _ = mixed_q_loss(live, target, batch, config, MixedQDraws.draw(live, batch, config))
        descent.step(loss)

    return update


def allocation_step() -> Callable[[], None]:
    """Loss, backward pass and step of critic and proposal network, as untrained as at the start."""
    live = Allocator(allocation_update.FEATURES, allocation_update.SUBTASKS, allocation_update.PROPOSALS)
    target, untrained = copy.deepcopy(live), copy.deepcopy(live.state_dict())
    batch = allocation_update.synthetic_batch(np.random.default_rng(0), finishing=True)
    config = AllocationLossConfig()
    descents = [Descent(network, RMSPROP, 10) for network in (live.critic, live.proposal)]

    def update() -> None:
        live.load_state_dict(untrained)
        points = decision_points(batch, allocation_update.PERIOD, allocation_update.LIMIT)
        draws = AllocationDraws.draw(None, live, points)
        critic_loss, proposal_loss, _ = allocation_losses(live, target, points, 1000, config, draws)
        for loss, descent in zip((critic_loss, proposal_loss), descents, strict=True):
            descent.step(loss)

    return update


def cases() -> list[Case]:
    """All rows."""
    city, battle = synthetic_batch(np.random.default_rng(0)), battle_batch(np.random.default_rng(0))
    city_shape = ValueShape(FEATURES, ACTIONS, SUBTASKS)
    battle_shape = ValueShape(BATTLE_FEATURES, BATTLE_ACTIONS, 1)
    windows, episodes = "SaveTheCity, 32 windows x 64 steps", "3-8sz, 32 episodes x 60 steps, GRU"

    def of_refil_s_paper() -> ValueNetwork:
        return ValueNetwork(battle_shape, "none", mixer_bias_abs=False, popart=False, agent="recurrent")

    return [
        Case("alma, agents and mixer", windows, 1390, value_update(ValueNetwork(city_shape, "mask"), city)),
        Case("alma, allocation", "SaveTheCity, 400 decisions x 32", 3990, allocation_step()),
        Case("aqmix", windows, 1370, value_update(ValueNetwork(city_shape, "none"), city)),
        Case("copa", windows, 2030, value_update(ValueNetwork(city_shape, "none", coach=True), city)),
        Case("aqmix", episodes, 2 * 890, value_update(of_refil_s_paper(), battle)),
        Case("refil", episodes, 2 * 2450, value_update(of_refil_s_paper(), battle, 0.5)),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--policy", help="only rows that begin with this")
    parser.add_argument("--profile", action="store_true", help="also print the operators that take longest")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"1 thread, CPU milliseconds of {args.repeats} updates; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"{'policy':<24}{'setting':<36}{'minimum':>8}{'median':>8}{'original':>10}{'ratio':>7}")
    for case in cases():
        if not case.policy.startswith(args.policy or ""):
            continue
        spent = []
        for _ in range(args.repeats + 2):
            start = time.process_time()
            case.update()
            spent.append((time.process_time() - start) * 1000)
        spent = spent[2:]
        ratio = min(spent) / case.original
        print(
            f"{case.policy:<24}{case.setting:<36}{min(spent):>8.0f}{np.median(spent):>8.0f}{case.original:>10.0f}"
            f"{ratio:>7.2f}",
            flush=True,
        )
        if args.profile:
            with torch.profiler.profile() as profile:
                case.update()
            print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=20, max_name_column_width=45))


if __name__ == "__main__":
    main()
