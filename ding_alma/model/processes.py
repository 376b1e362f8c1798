"""Sums over the processes of data parallel learning, each of which holds a part of the batch.

With one process everything here returns what it is given. With more, all of them must call it, in the same order.
Whatever a loss divides by is averaged over the processes: then the average of their losses is the loss of the joint
batch, and so are the gradients that DI-engine averages.
"""

import torch
import torch.distributed as dist
from ding.utils import get_world_size
from torch import Tensor, nn


def total(x: Tensor) -> Tensor:
    """Sum over the processes, without gradient, on the same device."""
    if get_world_size() == 1:
        return x
    summed = x.detach().to(torch.float32, copy=True)
    dist.all_reduce(summed)
    return summed


def average(x: Tensor) -> Tensor:
    """Mean over the processes, without gradient, on the same device."""
    return x if get_world_size() == 1 else total(x) / get_world_size()


def mean_count(mask: Tensor) -> Tensor:
    """True entries of a mask per process, as if there were at least one in all."""
    return mask.sum().clamp_min(1) if get_world_size() == 1 else total(mask.sum()).clamp_min(1) / get_world_size()


def joint_size(size: int) -> int:
    """Sum of a number over the processes; where there are several, waits for them and for their devices."""
    if get_world_size() == 1:
        return size
    summed = torch.tensor(size, device="cuda" if dist.get_backend() == "nccl" else "cpu")
    dist.all_reduce(summed)
    return int(summed)


def average_statistics(network: nn.Module) -> None:
    """Let batch normalisation run on one average: each process normalises by its own part of a batch."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for statistic in map(module.get_buffer, ("running_mean", "running_var")):
                statistic.copy_(average(statistic))
