"""Mixes of a group's own reward with one that all groups of a team share (M-PPO, section 5)."""

import torch
from torch import Tensor

SHARED_REWARDS = ("sum", "mean")
"""What groups share: the sum or the mean of the own rewards of the active groups."""


def shared_reward(own: Tensor, active: Tensor, aggregate: str) -> Tensor:
    """One reward per team and step.

    Args: own (..., G); active (..., G) bool; aggregate, one of `SHARED_REWARDS`. Returns (...), zero where no group is
    active.

    Raises:
        ValueError: an unknown aggregate.
    """
    if aggregate not in SHARED_REWARDS:
        raise ValueError(f"aggregate must be one of {SHARED_REWARDS}, got {aggregate!r}")
    total = torch.where(active, own, 0.0).sum(-1)
    return total if aggregate == "sum" else total / active.sum(-1).clamp_min(1)


def mixed_reward(own: Tensor, shared: Tensor, active: Tensor, own_weight: float) -> Tensor:
    """``own_weight * own + (1 - own_weight) * shared`` for active groups, zero for the others.

    Args: own (..., G); shared (...), see `shared_reward`; active (..., G) bool; own_weight in [0, 1]. Returns (..., G).
    """
    return torch.where(active, own_weight * own + (1 - own_weight) * shared.unsqueeze(-1), 0.0)
