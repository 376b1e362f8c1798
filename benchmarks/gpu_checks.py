"""What `gpu.py` measures; it imports DI-engine, which takes a while."""

import contextlib
import copy
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from ding.config import compile_config, read_config
from ding.entry import serial_pipeline, serial_pipeline_onpolicy
from ding.envs import create_env_manager, get_vec_env_setting
from ding.policy import Policy, create_policy
from ding.utils import set_pkg_seed
from ding.worker import BaseLearner, create_buffer, create_serial_collector
from easydict import EasyDict
from training_profile import profiled

from ding_alma.rl.captured_update import WARM_UP

CONFIGS = Path(__file__).parents[1] / "configs"
RUN_STEPS = 15_000_000
"""Of the ALMA paper on SaveTheCity."""
COMPARED_UPDATES = 3
LEARNING = ("update:", "learner:", "replay: sample")
"""Parts of a profile that every update takes, by their beginnings."""


class TimeIsUpError(Exception):
    """A run from end to end has had its share of the minutes."""


class Deadline:
    """Seconds that are left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Not below zero."""
        return max(0.0, self._end - time.monotonic())


@contextlib.contextmanager
def scratch_folder() -> Iterator[None]:
    """A temporary working folder; DI-engine's components write logs wherever they are."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(here)


def settings(
    policy: str, replay_device: str, uses_cuda: bool, size: str = "paper", captures: bool = False
) -> tuple[EasyDict, EasyDict]:
    """The paper's config of a policy or that of the small task, on a device."""
    folder = CONFIGS if size == "paper" else CONFIGS / size
    main, create = read_config(str(folder / f"save_the_city_{policy}_config.py"))
    main.exp_name = "run"
    main.policy.cuda = uses_cuda
    if captures:
        main.policy.learn.capture = True
    if create.policy.type != "mppo":
        main.policy.other.setdefault("replay_buffer", EasyDict()).device = replay_device
    return main, create


def with_environments(main: EasyDict, create: EasyDict, environments: int) -> tuple[EasyDict, EasyDict]:
    """The same with another number of environments, acted for in one call, and as many updates for each step."""
    cfg = compile_config(copy.deepcopy(main), create_cfg=copy.deepcopy(create), auto=True, save_cfg=False)
    share = environments / cfg.policy.collect.n_episode
    main.env.collector_env_num = environments
    main.policy.collect.update(n_episode=environments, env_num=environments)
    main.policy.learn.update_per_collect = max(1, round(cfg.policy.learn.update_per_collect * share))
    create.collector.type = "episode_batch"
    return main, create


def new_policy(main: EasyDict, create: EasyDict) -> Policy:
    """A policy that learns and collects, with the weights of seed 0."""
    cfg = compile_config(main, create_cfg=create, auto=True, save_cfg=False)
    set_pkg_seed(0, use_cuda=bool(main.policy.cuda))
    return create_policy(cfg.policy, enable_field=["learn", "collect"])


def filled_buffer(main: EasyDict, create: EasyDict, policy: Policy) -> Any:
    """DI-engine's collector plays as many episodes as a batch has rows, at least one collection."""
    cfg = compile_config(main, seed=0, create_cfg=create, auto=True, save_cfg=False)
    env_class, env_cfgs, _ = get_vec_env_setting(cfg.env)
    environments = create_env_manager(cfg.env.manager, [partial(env_class, cfg=one) for one in env_cfgs])
    environments.seed(0)
    collector = create_serial_collector(
        cfg.policy.collect.collector, env=environments, policy=policy.collect_mode, exp_name=cfg.exp_name
    )
    buffer = create_buffer(cfg.policy.other.replay_buffer, exp_name=cfg.exp_name)
    episodes = max(cfg.policy.learn.batch_size, cfg.policy.collect.n_episode)
    exploration = {"eps": 1.0} if "eps" in cfg.policy.other and not cfg.policy.on_policy else {}
    buffer.push(collector.collect(n_episode=episodes, policy_kwargs=exploration))
    return buffer


class Batches:
    """Training data, one batch after the other; an on-policy policy gets the same episodes again and again."""

    def __init__(self, buffer: Any, size: int, is_on_policy: bool) -> None:
        self._buffer, self._size = buffer, size
        self._episodes = buffer.sample(size, 0) if is_on_policy else None

    def next_for(self, policy: Policy) -> Any:
        """The next one, as if the policy's present networks had played it."""
        if self._episodes is None:
            return self._buffer.sample(self._size, 0)
        return [{**episode, "version": policy._version} for episode in self._episodes]


def same_start(policy: Policy, reference: Policy) -> None:
    """Give a policy that has learnt nothing yet the weights of another; `new_policy` seeds all alike."""
    policy._model.load_state_dict(reference._model.state_dict())
    policy._target = copy.deepcopy(policy._model).requires_grad_(False)


def largest_difference(one: Policy, other: Policy, batches: Batches, updates: int) -> float:
    """Of any weight, relative to the largest of its tensor, after the same updates."""
    for _ in range(updates):
        data = batches.next_for(one)
        for policy in (one, other):
            policy.learn_mode.forward(copy.copy(data))
    pairs = zip(one._model.state_dict().values(), other._model.state_dict().values(), strict=True)
    differences = [
        float((a.cpu().double() - b.cpu().double()).abs().max() / a.double().abs().max().clamp_min(1e-3))
        for a, b in pairs
        if a.is_floating_point()
    ]
    return max(differences)


def updates_per_second(policy: Policy, batches: Batches, updates: int, uses_cuda: bool, seconds: float) -> float:
    """Replay included, on wall time; of fewer updates where they would take longer than the seconds."""
    for _ in range(2):
        policy.learn_mode.forward(batches.next_for(policy))
    if uses_cuda:
        torch.cuda.synchronize()
    begun = time.perf_counter()
    done = 0
    while done < updates and (not done or time.perf_counter() - begun < seconds):
        policy.learn_mode.forward(batches.next_for(policy))
        done += 1
    if uses_cuda:
        torch.cuda.synchronize()
    return done / (time.perf_counter() - begun)


def end_to_end(main: EasyDict, create: EasyDict, env_steps: int, seconds: float) -> dict[str, Any] | None:
    """Rates and times of a short run of the serial pipeline, evaluation off, as `training_profile.table` shows them.

    It is over after ``env_steps`` or ``seconds``; None if it was over before its clock had seen an update.
    """
    pipeline = serial_pipeline_onpolicy if create.policy.type == "mppo" else serial_pipeline
    deadline, train = Deadline(seconds), BaseLearner.train

    def train_in_time(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not deadline.left():
            raise TimeIsUpError
        return train(self, *args, **kwargs)

    with (
        patch.object(BaseLearner, "train", train_in_time),
        profiled(main, create, warmup=2) as (watch, done),
        contextlib.suppress(TimeIsUpError),
    ):
        pipeline((main, create), seed=0, max_env_step=env_steps)
    if not done.get("env_steps") or not done["train_iters"]:
        return None
    seconds = sum(watch.seconds.values())
    result = {
        "env_steps": done["env_steps"],
        "train_iters": done["train_iters"],
        "wall_seconds": seconds,
        "env_steps_per_second": done["env_steps"] / seconds,
        "seconds": dict(watch.seconds),
        "calls": dict(watch.calls),
        "memory": peak_memory(bool(main.policy.cuda)),
    }
    policy = compile_config(main, create_cfg=create, auto=True, save_cfg=False).policy
    updates = 1 if policy.on_policy else policy.learn.update_per_collect
    return result | {"lasting_rate": lasting_rate(result, updates, policy.collect.n_episode)}


def lasting_rate(result: dict[str, Any], updates: int, episodes: int) -> float:
    """Environment steps per second of a run that is not cut off between two updates of a collection.

    Args: result, of `end_to_end`; updates and episodes of a collection.
    """
    learning = sum(seconds for part, seconds in result["seconds"].items() if part.startswith(LEARNING))
    playing = sum(result["seconds"].values()) - learning
    collections = result["calls"]["collect: samples"] / episodes
    return result["env_steps"] / (playing + learning / result["train_iters"] * updates * collections)


def peak_memory(uses_cuda: bool) -> str:
    """Largest memory so far: the GPU's since the last call, or this process'."""
    if not uses_cuda:
        return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB of the host"
    peak = torch.cuda.max_memory_allocated() / 2**30
    torch.cuda.reset_peak_memory_stats()
    return f"{peak:.1f} GiB of the GPU"


def updates_row(name: str, replay: str, uses_cuda: bool, size: str, updates: int, seconds: float) -> str:
    """Differences and rates of plain and captured updates of one policy."""
    settled = settings(name, replay, uses_cuda, size)
    reference, policy = new_policy(*settings(name, "cpu", False, size)), new_policy(*settled)
    same_start(policy, reference)
    batches = Batches(filled_buffer(*settled, policy), policy._cfg.learn.batch_size, bool(policy._cfg.on_policy))
    difference = largest_difference(reference, policy, batches, COMPARED_UPDATES)
    rate = updates_per_second(policy, batches, updates, uses_cuda, seconds / 2)
    row = f"{difference:>11.1e} {rate:>10.2f}"
    if not uses_cuda:
        return f"{row} {'needs --device cuda':>35}"
    if not policy.has_fixed_form:
        return f"{row} {'its updates have no fixed form':>35}"
    plain, captured = new_policy(*settled), new_policy(*settings(name, replay, uses_cuda, size, captures=True))
    same_start(captured, plain)
    difference = largest_difference(plain, captured, batches, WARM_UP + COMPARED_UPDATES)
    rate = updates_per_second(captured, batches, updates, uses_cuda, seconds / 2)
    return f"{row} {difference:>24.1e} {rate:>10.2f}"
