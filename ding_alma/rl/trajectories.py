"""What becomes of a trajectory's members: their sums, the reward it learns from, its advantages.

M members of a team form G trajectories (docs/reference/mppo.md#members-and-trajectories).
"""

from typing import NamedTuple

import torch
from torch import Tensor

SHARED_REWARDS = ("sum", "mean")
"""What trajectories share: the sum or the mean of the own rewards of the active ones."""


def sum_members(x: Tensor, alive: Tensor, trajectory: Tensor, trajectories: int) -> Tensor:
    """Sum of the living members of every trajectory.

    Args:
        x: (..., M).
        alive: (..., M) bool.
        trajectory: (..., M) int64 in [0, trajectories), anything for members that are not alive.
        trajectories: G.

    Returns:
        (..., G), zero for trajectories without a living member.
    """
    index = torch.where(alive, trajectory, 0)
    return x.new_zeros(*x.shape[:-1], trajectories).scatter_add(-1, index, torch.where(alive, x, 0.0))


def any_member(flag: Tensor, trajectory: Tensor, trajectories: int) -> Tensor:
    """(..., G) bool: some member of the trajectory is flagged.

    Args: flag (..., M) bool; trajectory (..., M) int64; trajectories, G.
    """
    return sum_members(flag.float(), flag, trajectory, trajectories) > 0


def share_sum(x: Tensor, active: Tensor) -> Tensor:
    """The sum over the active trajectories, given to each of them; zero for the others.

    Args: x (..., G); active (..., G) bool.
    """
    total = torch.where(active, x, 0.0).sum(-1, keepdim=True)
    return torch.where(active, total, 0.0)


def shared_reward(own: Tensor, active: Tensor, aggregate: str) -> Tensor:
    """One reward per team and step (docs/reference/mppo.md#own-and-shared-rewards).

    Args: own (..., G); active (..., G) bool; aggregate, one of `SHARED_REWARDS`. Returns (...), zero where no
    trajectory is active.

    Raises:
        ValueError: an unknown aggregate.
    """
    if aggregate not in SHARED_REWARDS:
        raise ValueError(f"aggregate must be one of {SHARED_REWARDS}, got {aggregate!r}")
    total = torch.where(active, own, 0.0).sum(-1)
    return total if aggregate == "sum" else total / active.sum(-1).clamp_min(1)


def mixed_reward(own: Tensor, shared: Tensor, active: Tensor, own_weight: float) -> Tensor:
    """``own_weight * own + (1 - own_weight) * shared`` for active trajectories, zero for the others.

    Args: own (..., G); shared (...), see `shared_reward`; active (..., G) bool; own_weight in [0, 1]. Returns (..., G).
    """
    return torch.where(active, own_weight * own + (1 - own_weight) * shared.unsqueeze(-1), 0.0)


class Advantages(NamedTuple):
    """Both zero where a trajectory is inactive."""

    advantage: Tensor
    """(T, N, G)."""
    returns: Tensor
    """(T, N, G), advantage + value: the critic's target."""


def trajectory_advantages(
    reward: Tensor, value: Tensor, done: Tensor, active: Tensor, discount: float, trace: float
) -> Advantages:
    """Generalised advantages of every trajectory (docs/reference/mppo.md#advantages).

    Backwards in time, ``delta = r + discount V' (1 - done) - V`` and ``A = delta + discount trace (1 - done) A'``.

    What is accumulated falls back to zero where a trajectory is inactive, so nothing of a newborn reaches the dead one
    whose slot it took over, even where ``done`` fails to part them.

    Args:
        reward: (T, N, G), of the transition from step t.
        value: (T + 1, N, G), zero where there is no trajectory; the last row bootstraps.
        done: (T, N, G) bool, the trajectory does not continue after the transition.
        active: (T, N, G) bool, the trajectory acts at step t.
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
