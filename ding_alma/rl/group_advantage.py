"""Generalised advantage estimation along every group's own trajectory (M-PPO, section 6)."""

from typing import NamedTuple

import torch
from torch import Tensor


class Advantages(NamedTuple):
    """Both zero where a group is inactive."""

    advantage: Tensor
    """(T, N, G)."""
    returns: Tensor
    """(T, N, G), advantage + value: the critic's target."""


def group_advantages(
    reward: Tensor, value: Tensor, done: Tensor, active: Tensor, discount: float, trace: float
) -> Advantages:
    """Backwards in time, ``delta = r + discount V' (1 - done) - V`` and ``A = delta + discount trace (1 - done) A'``.

    What is accumulated falls back to zero where a group is inactive, so nothing of a newborn reaches the dead one
    whose slot it took over, even where ``done`` fails to part them.

    Args:
        reward: (T, N, G), of the transition from step t.
        value: (T + 1, N, G), zero where there is no group; the last row bootstraps.
        done: (T, N, G) bool, the group does not continue after the transition.
        active: (T, N, G) bool, the group acts at step t.
        discount: in [0, 1] (paper: gamma).
        trace: in [0, 1] (paper: lambda).
    """
    continues = (~done).to(reward.dtype)
    delta = reward + discount * value[1:] * continues - value[:-1]
    decay = discount * trace * continues
    advantage = torch.zeros_like(delta)
    running = torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        running = torch.where(active[t], delta[t] + decay[t] * running, 0.0)
        advantage[t] = running
    return Advantages(advantage, torch.where(active, advantage + value[:-1], 0.0))


def explained_variance(value: Tensor, returns: Tensor, active: Tensor) -> Tensor:
    """Share of the returns' variance that the values explain, over the active entries; 0 without any variance.

    Args: three tensors of one shape, ``active`` bool. Returns a scalar.
    """
    count = active.sum().clamp_min(1)

    def variance(x: Tensor) -> Tensor:
        mean = torch.where(active, x, 0.0).sum() / count
        return torch.where(active, x - mean, 0.0).square().sum() / count

    total = variance(returns)
    return torch.where(total > 0, 1 - variance(returns - value) / total.clamp_min(torch.finfo(total.dtype).tiny), 0.0)
