"""From the members of a group to the group, and from groups to all of them (M-PPO, sections 2 and 13)."""

import torch
from torch import Tensor


def sum_members(x: Tensor, alive: Tensor, group: Tensor, groups: int) -> Tensor:
    """Sum of the living members of every group.

    Args:
        x: (..., M).
        alive: (..., M) bool.
        group: (..., M) int64 in [0, groups), anything for members that are not alive.
        groups: G.

    Returns:
        (..., G), zero for groups without a living member.
    """
    index = torch.where(alive, group, 0)
    return x.new_zeros(*x.shape[:-1], groups).scatter_add(-1, index, torch.where(alive, x, 0.0))


def any_member(flag: Tensor, group: Tensor, groups: int) -> Tensor:
    """(..., G) bool: some member of the group is flagged. Args: flag (..., M) bool; group (..., M) int64; groups, G."""
    return sum_members(flag.float(), flag, group, groups) > 0


def share_sum(x: Tensor, active: Tensor) -> Tensor:
    """The sum over the active groups, given to each of them; zero for the others. Args: (..., G); active (..., G)."""
    total = torch.where(active, x, 0.0).sum(-1, keepdim=True)
    return torch.where(active, total, 0.0)
