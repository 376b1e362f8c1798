"""Where the time of a training run goes.

    uv run python benchmarks/training_profile.py configs/save_the_city_alma_config.py --env-steps 20000

trains with DI-engine's serial pipeline, evaluation off, and prints the share of wall time of every part and the
environment steps per second from end to end. Parts are timed from outside by wrapping methods; a part's time does not
include that of the parts it calls.
"""

import contextlib
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import click
import torch
from ding.config import read_config
from ding.entry import serial_pipeline
from ding.envs import get_env_manager_cls
from ding.policy import get_policy_cls
from ding.worker import BaseLearner, InteractionSerialEvaluator
from ding.worker.collector.base_serial_collector import get_serial_collector_cls
from ding.worker.replay_buffer.base_buffer import get_buffer_cls
from easydict import EasyDict

from ding_alma.atomic_file import write_json_atomically
from ding_alma.run.config_override import override
from ding_alma.run.machine import describe_machine, describe_versions

REST = "rest (pipeline, logs)"
COLLECT = "collect: collector"
LEARN = "learner: batch, hooks"


class Stopwatch:
    """Wall time by part; parts may nest, time is counted once, for the innermost."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._open = [REST]
        self._since = clock()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: Counter[str] = Counter()

    def enter(self, part: str) -> None:
        """``part`` begins, inside the one that runs now."""
        self._charge()
        self._open.append(part)
        self.calls[part] += 1

    def leave(self) -> None:
        """The innermost part ends."""
        self._charge()
        self._open.pop()

    def restart(self) -> None:
        """Forget all times; parts that are open go on."""
        self._charge()
        self.seconds.clear()
        self.calls.clear()

    def stop(self) -> None:
        """Count the time up to now."""
        self._charge()

    def _charge(self) -> None:
        now = self._clock()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now


def timed(watch: Stopwatch, owner: type, method: str, part: str, synchronise: bool) -> Any:
    """A patch under which every call of ``owner.method`` counts as ``part``."""
    original = getattr(owner, method)

    @wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if synchronise:
            torch.cuda.synchronize()
        watch.enter(part)
        try:
            return original(*args, **kwargs)
        finally:
            if synchronise:
                torch.cuda.synchronize()
            watch.leave()

    return patch.object(owner, method, wrapper)


@contextlib.contextmanager
def profiled(main: Any, create: Any, warmup: int) -> Iterator[tuple[Stopwatch, Counter[str]]]:
    """Within the block DI-engine's pipeline is timed and does not evaluate.

    Args:
        warmup: collections that are not counted; counting begins after the first training in any case.

    Yields:
        the watch, and a counter that will hold ``env_steps`` and ``train_iters``.
    """
    policy_class = get_policy_cls(EasyDict(create.policy, type=f"{create.policy.type}_command"))
    manager_class = get_env_manager_cls(create.env_manager)
    buffer_class = get_buffer_cls(create.replay_buffer)
    synchronise = bool(main.policy.get("cuda", False)) and torch.cuda.is_available()
    watch = Stopwatch()
    done: Counter[str] = Counter()
    state: Counter[str] = Counter()
    collector_class = get_serial_collector_cls(create.collector)
    collect, train = collector_class.collect, BaseLearner.train

    def counted_collect(self: Any, *args: Any, **kwargs: Any) -> Any:
        state["collections"] += 1
        if not state["counting"] and state["trained"] and state["collections"] > warmup:
            state["counting"] = 1
            state["first_step"] = self.envstep
            done.clear()
            watch.restart()
        data = collect(self, *args, **kwargs)
        if state["counting"]:
            done["env_steps"] = self.envstep - state["first_step"]
        return data

    def counted_train(self: Any, *args: Any, **kwargs: Any) -> Any:
        state["trained"] += 1
        done["train_iters"] += 1
        return train(self, *args, **kwargs)

    parts = [
        (manager_class, "step", "environment: step"),
        (manager_class, "step_batch", "environment: step"),
        (manager_class, "reset", "environment: reset"),
        (policy_class, "_forward_collect", "collect: policy"),
        (policy_class, "_forward_batch", "collect: policy"),
        (policy_class, "_get_train_sample", "collect: samples"),
        (buffer_class, "push", "replay: push"),
        (buffer_class, "sample", "replay: sample"),
        (policy_class, "_forward_learn", "update: all else"),
        (policy_class, "_value_update", "update: agents and mixer"),
        (policy_class, "_allocation_update", "update: allocation"),
    ]
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.object(collector_class, "collect", counted_collect))
        stack.enter_context(patch.object(BaseLearner, "train", counted_train))
        stack.enter_context(timed(watch, collector_class, "collect", COLLECT, synchronise))
        stack.enter_context(timed(watch, BaseLearner, "train", LEARN, synchronise))
        stack.enter_context(
            patch.object(InteractionSerialEvaluator, "eval", lambda *_, **__: (False, {"eval_episode_return": [0.0]}))
        )
        for owner, method, part in parts:
            if hasattr(owner, method):
                stack.enter_context(timed(watch, owner, method, part, synchronise))
        yield watch, done
        watch.stop()


def profile(config: Path, changes: Sequence[str], env_steps: int, seed: int, warmup: int) -> dict[str, Any]:
    """Train for ``env_steps`` in a scratch folder; return seconds and calls by part and the rates.

    Raises:
        click.ClickException: training never began; more environment steps are needed.
    """
    main, create = read_config(str(config.resolve()))
    main, create = override(main, create, list(changes))
    main.exp_name = "profile"
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            with profiled(main, create, warmup) as (watch, done):
                serial_pipeline((main, create), seed=seed, max_env_step=env_steps)
        finally:
            os.chdir(here)
    if not done["env_steps"]:
        raise click.ClickException(f"no training within {env_steps} environment steps; raise --env-steps")
    total = sum(watch.seconds.values())
    return {
        "config": config.name,
        "changes": list(changes),
        "policy": create.policy.type,
        "seed": seed,
        "env_steps": done["env_steps"],
        "train_iters": done["train_iters"],
        "wall_seconds": total,
        "env_steps_per_second": done["env_steps"] / total,
        "seconds": dict(sorted(watch.seconds.items(), key=lambda item: -item[1])),
        "calls": dict(watch.calls),
        "machine": describe_machine(),
        "versions": describe_versions(),
    }


def table(result: dict[str, Any]) -> str:
    """The result as lines of text."""
    total = result["wall_seconds"]
    lines = [f"{'part':<24} {'share':>7} {'seconds':>9} {'calls':>8} {'ms/call':>9}"]
    for part, seconds in sorted(result["seconds"].items(), key=lambda item: (item[0] == REST, -item[1])):
        calls = result["calls"].get(part, 0)
        each = f"{1000 * seconds / calls:9.3f}" if calls else " " * 9
        lines.append(f"{part:<24} {seconds / total:>7.1%} {seconds:>9.2f} {calls:>8} {each}")
    lines.append(
        f"{result['env_steps']:,} env steps and {result['train_iters']:,} updates in {total:.1f} s: "
        f"{result['env_steps_per_second']:,.1f} env steps/s"
    )
    return "\n".join(lines)


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("changes", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--env-steps", type=float, default=20_000, help="Environment steps to train for.")
@click.option("--seed", type=int, default=0)
@click.option("--warmup", type=int, default=2, help="Collections not counted at the beginning.")
@click.option("--threads", type=int, default=0, help="Threads of torch, 0 = its own choice.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="JSON file for the result.")
def main(
    config: Path,
    changes: tuple[str, ...],
    env_steps: float,
    seed: int,
    warmup: int,
    threads: int,
    output: Path | None,
) -> None:
    """Train with CONFIG, some of its keys changed, and show where the time goes."""
    if threads:
        torch.set_num_threads(threads)
    result = profile(config, changes, int(env_steps), seed, warmup)
    click.echo(table(result))
    if output is not None:
        write_json_atomically(result, output)


if __name__ == "__main__":
    main()
