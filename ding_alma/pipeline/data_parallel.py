"""Training by several processes that hold a GPU each, with DI-engine's serial pipelines.

``torchrun --nproc-per-node 2 -m ding_alma.pipeline.data_parallel CONFIG``; see docs/scale.md.
"""

import math
import os
from copy import deepcopy
from datetime import datetime
from typing import Any

import click
import torch
import torch.distributed as dist
from ding.config import compile_config, read_config
from ding.entry import serial_pipeline, serial_pipeline_onpolicy
from ding.policy import Policy, get_policy_cls
from ding.utils import get_rank, get_world_size
from ding.worker.learner.learner_hook import LearnerHook, register_learner_hook
from easydict import EasyDict

from ding_alma.pipeline.environment_variables import SEED_STRIDE
from ding_alma.policy.recording_policy import RecordingPolicy


class AveragedByPolicy(LearnerHook):
    """Stands in for DI-engine's ``log_reduce``, which works on GPUs alone and waits for them at every iteration.

    Our policies average what they monitor over the processes whenever they read it.
    """

    def __init__(self, *args: Any, ext_args: EasyDict | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

    def __call__(self, engine: Any) -> None:
        """Nothing is left to do."""


def share(main: EasyDict, create: EasyDict, processes: int) -> tuple[EasyDict, EasyDict]:
    """The part of a config that one of the processes does: batch, episodes, environments and memory are split.

    Raises:
        ValueError: the policy does not learn data parallel.
    """
    main, create = deepcopy(main), deepcopy(create)
    main.policy.multi_gpu = True
    merged = compile_config(main, create_cfg=create, auto=True, save_cfg=False)
    if not issubclass(get_policy_cls(merged.policy), RecordingPolicy):
        raise ValueError(f"policy {merged.policy.type!r} is DI-engine's and does not average its gradients")

    def part(total: int) -> int:
        return math.ceil(total / processes)

    main.policy.learn.batch_size = part(merged.policy.learn.batch_size)
    main.policy.collect.n_episode = part(merged.policy.collect.n_episode)
    main.env.collector_env_num = min(merged.env.collector_env_num, main.policy.collect.n_episode)
    main.policy.collect.env_num = main.env.collector_env_num
    buffer = main.policy.other.setdefault("replay_buffer", EasyDict())
    buffer.replay_buffer_size = part(merged.policy.other.replay_buffer.replay_buffer_size)
    if "persist" in merged.policy.other.replay_buffer:
        # Rank 0 alone writes checkpoints, and knows nothing of the others' episodes.
        buffer.persist = False
    if "max_points" in merged.policy.get("allocation", {}):
        main.policy.allocation.max_points = max(2, part(merged.policy.allocation.max_points))
    create.collector.update(type="joint_episode", import_names=["ding_alma.pipeline.joint_collector"])
    return main, create


def train_jointly(main: EasyDict, create: EasyDict, seed: int = 0, **limits: int) -> Policy:
    """Train in this process and those it has been joined with by ``torch.distributed``; rank 0 writes the run's folder.

    Args:
        limits: ``max_env_step`` (of all processes together) and ``max_train_iter``, as DI-engine's pipelines take them.
    """
    rank = get_rank()
    main, create = share(main, create, get_world_size())
    main.exp_name = _folder(main)
    register_learner_hook("log_reduce", AveragedByPolicy)
    is_on_policy = get_policy_cls(create.policy).default_config().on_policy
    pipeline = serial_pipeline_onpolicy if is_on_policy else serial_pipeline
    return pipeline((main, create), seed=seed + SEED_STRIDE * rank, **limits)


def _folder(main: EasyDict) -> str:
    """The run's folder, the same for all processes; what other processes than the first log is in ``log/rank<n>``."""
    name = main.exp_name
    if os.path.exists(name) and not main.policy.learn.get("resume_training", False):
        name += datetime.now().strftime("_%y%m%d_%H%M%S")
    names = [name]
    dist.broadcast_object_list(names, src=0)
    return names[0] if get_rank() == 0 else f"{names[0]}/log/rank{get_rank()}"


@click.command(context_settings=dict(help_option_names=["-h", "--help"], show_default=True))
@click.argument("config", type=click.Path(exists=True, dir_okay=False))
@click.option("--seed", type=click.IntRange(min=0), default=0)
@click.option("--env-step", type=click.FloatRange(min=1), default=1e10, help="Environment steps of all processes.")
@click.option("--train-iter", type=click.FloatRange(min=1), default=1e10, help="Learner iterations.")
def main(config: str, seed: int, env_step: float, train_iter: float) -> None:
    """Train CONFIG in the processes that torchrun has started: on GPUs if policy.cuda is true, else on CPUs."""
    main_config, create_config = read_config(config)
    uses_cuda = main_config.policy.cuda
    dist.init_process_group("nccl" if uses_cuda else "gloo")
    if uses_cuda:
        torch.cuda.set_device(get_rank() % torch.cuda.device_count())
    try:
        train_jointly(main_config, create_config, seed, max_env_step=int(env_step), max_train_iter=int(train_iter))
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
