"""What an update of ALMA costs, beside the original's: CPU time and ATen calls, as one table.

    uv run python benchmarks/update_cost.py
    uv run python benchmarks/update_cost.py --original PATH

PATH is a clone of https://github.com/shariqiqbal2810/ALMA, whose learner then trains networks of the same sizes, from
the same weights, on the same batches, in turn with ours: whatever else the machine does slows both down. An update is
loss, gradient, clipping and optimiser step; drawing a batch is left out, so are copies to target networks. Batches are
drawn from episodes of random actions. Our networks get their first weights back before every update, because untrained
proposals repeat themselves least, which costs us most; to the original they cost the same whatever they are.

ATen calls are what torch's profiler counts in one update, those made by other ATen calls included.
"""

import argparse
import copy
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from ding.config import read_config
from ding.policy import Policy
from easydict import EasyDict
from gpu_checks import CONFIGS, filled_buffer, new_policy, scratch_folder
from original_alma import OriginalAlma, older_torch

from ding_alma.reference_runs.names import AGENT_NAMES, MIXER_NAMES, load
from ding_alma.reference_runs.names_allocator import load_critic, load_proposal
from ding_alma.replay.store import TrainData

WARM_UP = 2
LOW_LEVEL, ALLOCATION, BOTH = "agents and mixer", "allocation", "both"
OURS, ORIGINAL = "ours", "original"
Update = Callable[[], object]


class Setting(NamedTuple):
    """One config whose updates are timed."""

    name: str
    main: EasyDict
    create: EasyDict


def settings() -> list[Setting]:
    """All of the table, with the original's networks: the fast setting has others."""
    found = []
    for name, file in (
        ("small, heuristic", "small/save_the_city_alma_heuristic_config.py"),
        ("small, learned", "small/save_the_city_alma_config.py"),
        ("fast, heuristic", "fast/save_the_city_alma_heuristic_config.py"),
        ("fast, learned", "fast/save_the_city_alma_config.py"),
        ("paper", "save_the_city_alma_config.py"),
    ):
        main, create = read_config(str(CONFIGS / file))
        main.policy.network.update(subtask_agent="feedforward", subtask_mixer="flex")
        main.policy.allocation.network = "attention"
        found.append(Setting(name, main, create))
    return found


class OurSide:
    """A policy that forgets, before every update, what it has learned."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._untrained = copy.deepcopy(policy._model.state_dict())

    def updates(self, data: TrainData) -> dict[str, Update]:
        """By name, to be called once."""
        self._policy._model.load_state_dict(self._untrained)
        updates: dict[str, Update] = {LOW_LEVEL: partial(self._policy._value_update, data.batch)}
        if self._policy._model.allocator is not None:
            updates[ALLOCATION] = partial(self._policy._allocation_update, data.recent, data.env_step)
        return updates


class OriginalSide:
    """The original's learner."""

    def __init__(self, original: OriginalAlma) -> None:
        self._original = original

    def updates(self, data: TrainData) -> dict[str, Update]:
        """As `OurSide.updates`; episode 0 is always too early for a copy to the target networks."""
        original, learner = self._original, self._original.learner
        trained: dict[str, tuple[Any, Any]] = {LOW_LEVEL: (learner.train, data.batch)}
        if original.allocates:
            trained[ALLOCATION] = (learner.alloc_train_aql, data.recent)
        return {
            name: older_torch()(partial(update, original.batch(batch), data.env_step, 0))
            for name, (update, batch) in trained.items()
        }


class Cost(NamedTuple):
    """Of one kind of update on one side."""

    milliseconds: np.ndarray
    """(repeats,) of CPU time."""
    calls: int
    """ATen calls of the update that follows the timed ones."""


def take_weights(policy: Policy, original: OriginalAlma) -> None:
    """Start from the original's weights; fails unless names and shapes of all parameters agree."""
    model, states = policy._model, original.states()
    load(model.value_network.agent, states["agent"], AGENT_NAMES)
    load(model.value_network.mixer, states["mixer"], MIXER_NAMES)
    if original.allocates:
        load_proposal(model.allocator.proposal, states["proposal"])
        load_critic(model.allocator.critic, states["critic"])
    policy._target.load_state_dict(model.state_dict())


def spent(update: Update) -> float:
    """CPU milliseconds."""
    begun = time.process_time()
    update()
    return (time.process_time() - begun) * 1000


def aten_calls(update: Update) -> int:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        update()
    return sum(entry.count for entry in profile.key_averages() if entry.key.startswith("aten::"))


def costs(setting: Setting, clone: Path | None, repeats: int) -> dict[str, dict[str, Cost]]:
    """Kind of update -> side -> cost; a policy with two kinds of updates has their sum too."""
    main, create = setting.main, setting.create
    # No copy to target networks within the run.
    main.policy.learn.target_update = main.policy.allocation.target_update = 10**9
    main.exp_name = "run"
    with scratch_folder():
        policy = new_policy(main, create)
        buffer = filled_buffer(main, create, policy)
        rows = policy._cfg.learn.batch_size
        data = [buffer.sample(rows, 0) for _ in range(WARM_UP + repeats + 1)]
    originals: dict[str, OriginalSide] = {}
    if clone is not None:
        original = OriginalAlma(clone, policy._cfg)
        take_weights(policy, original)
        originals[ORIGINAL] = OriginalSide(original)
    sides: dict[str, OurSide | OriginalSide] = {OURS: OurSide(policy), **originals}
    milliseconds: dict[str, dict[str, list[float]]] = {}
    for batches in data[:-1]:
        for side in sides:
            for name, update in sides[side].updates(batches).items():
                milliseconds.setdefault(name, {}).setdefault(side, []).append(spent(update))
    calls = {
        side: {name: aten_calls(update) for name, update in sides[side].updates(data[-1]).items()} for side in sides
    }
    table = {
        name: {side: Cost(np.array(times[WARM_UP:]), calls[side][name]) for side, times in by_side.items()}
        for name, by_side in milliseconds.items()
    }
    if ALLOCATION in table:
        table[BOTH] = {side: total(table[LOW_LEVEL][side], table[ALLOCATION][side]) for side in sides}
    return table


def total(one: Cost, other: Cost) -> Cost:
    return Cost(one.milliseconds + other.milliseconds, one.calls + other.calls)


def row(cells: dict[str, Cost]) -> str:
    """The numbers of one line: minimum, median and calls of every side, then ours over the original's."""
    columns = [
        f"{cost.milliseconds.min():>10.1f}{np.median(cost.milliseconds):>10.1f}{cost.calls:>10,}"
        for cost in cells.values()
    ]
    if ORIGINAL in cells:
        ours, theirs = cells[OURS], cells[ORIGINAL]
        columns.append(
            f"{ours.milliseconds.min() / theirs.milliseconds.min():>10.2f}"
            f"{np.median(ours.milliseconds) / np.median(theirs.milliseconds):>10.2f}{ours.calls / theirs.calls:>10.2f}"
        )
    return "".join(columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", type=Path, metavar="PATH", help="clone of the original repository")
    parser.add_argument("--repeats", type=int, default=10, metavar="N", help="updates that are timed")
    parser.add_argument("--setting", default="", help="only settings that begin with this")
    args = parser.parse_args()
    torch.set_num_threads(1)
    clone = None if args.original is None else args.original.resolve()
    groups = [OURS] if clone is None else [OURS, ORIGINAL, f"{OURS} / {ORIGINAL}"]
    heads = "".join(f"{name:>10}" for name in ("minimum", "median", "ATen"))
    lines = [
        f"1 thread, CPU milliseconds and ATen calls per update, {args.repeats} updates",
        f"{'':<36}" + "".join(f"{name:>30}" for name in groups),
        f"{'setting':<18}{'update':<18}" + heads * len(groups),
    ]
    for setting in settings():
        if setting.name.startswith(args.setting):
            cost = costs(setting, clone, args.repeats)
            lines += [f"{setting.name:<18}{name:<18}{row(cells)}" for name, cells in cost.items()]
    # DI-engine and the profiler write lines of their own while they work.
    print("\n".join(lines))


if __name__ == "__main__":
    main()
