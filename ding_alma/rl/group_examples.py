"""From what members did to the training examples of their groups (M-PPO, sections 2, 3, 5, 6 and 13)."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ding_alma.rl.group_advantage import group_advantages
from ding_alma.rl.group_reward import SHARED_REWARDS, mixed_reward, shared_reward
from ding_alma.rl.group_sums import any_member, share_sum, sum_members
from ding_alma.rl.separation import FULL_SEPARATION, Separation


@dataclass(frozen=True)
class MemberSteps:
    """T steps of N trajectories of teams with M members; a row may pass from one episode to the next.

    Arrays of T + 1 rows also hold the moment after the last transition.
    """

    own_reward: Tensor
    """(T, N, M), of the transition from step t."""
    team_reward: Tensor
    """(T, N), the environment's own global reward."""
    value: Tensor
    """(T + 1, N, M); anything for members that are not active."""
    log_prob: Tensor
    """(T, N, M), as ``value``."""
    active: Tensor
    """(T + 1, N, M) bool, the member acts at this step."""
    left: Tensor
    """(T, N, M) bool, the member does not continue after the transition although its slot may be in use."""
    episode_over: Tensor
    """(T, N) bool, nobody continues after the transition; False where a time limit cut an episode whose last value is
    to be bootstrapped."""
    valid: Tensor
    """(T, N) bool, a real transition starts here."""
    group: Tensor | None = None
    """(T + 1, N, M) int64 in [0, M), the group of every member; None = each its own."""


@dataclass(frozen=True)
class GroupExamples:
    """What the loss compares the networks with, (..., G); zero where a group is not active."""

    advantage: Tensor
    returns: Tensor
    value: Tensor
    """Of the networks that acted."""
    log_prob: Tensor
    """Of the networks that acted."""
    active: Tensor
    """bool, the group acts and is learnt from."""

    def rows(self, index: Tensor | tuple[Tensor, ...]) -> "GroupExamples":
        """The entries picked by ``index`` along the leading axes."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})


@dataclass(frozen=True)
class ExampleConfig:
    """How trajectories are formed and credited; defaults are the thesis' method."""

    discount: float = 0.99
    trace: float = 0.95
    own_weight: float = 1.0
    """Share of a group's own reward; the rest is the shared one."""
    shared: str = "sum"
    """The reward that groups share: one of `SHARED_REWARDS`, or 'team' for the environment's global reward."""
    separation: Separation = FULL_SEPARATION


SHARED_CHOICES = (*SHARED_REWARDS, "team")


def members_of_groups(group: Tensor | None, joint: bool, acting: Tensor) -> tuple[Tensor | None, int]:
    """Group of every member (..., M) int64, None = each its own, and the number of groups G.

    Args: group (..., M) int64 or None; joint, all form one group; acting (..., M), read for its shape and device.
    """
    if joint:
        return torch.zeros_like(acting, dtype=torch.int64), 1
    return group, acting.shape[-1]


def to_groups(x: Tensor, active: Tensor, group: Tensor | None, groups: int) -> Tensor:
    """(..., G) sums over active members of x (..., M); ``group`` as `members_of_groups` gives it."""
    return torch.where(active, x, 0.0) if group is None else sum_members(x, active, group, groups)


def groups_with(flag: Tensor, group: Tensor | None, groups: int) -> Tensor:
    """(..., G) bool, groups of which some member is flagged (..., M) bool."""
    return flag if group is None else any_member(flag, group, groups)


def group_examples(steps: MemberSteps, config: ExampleConfig) -> GroupExamples:
    """Sum members into groups, mix rewards, estimate advantages.

    Returns:
        Examples of shape (T, N, G).
    """
    separation = config.separation
    group, groups = members_of_groups(steps.group, separation.joint, steps.active)
    now, after = (None, None) if group is None else (group[:-1], group[1:])
    acting = steps.active[:-1] & steps.valid.unsqueeze(-1)
    active = groups_with(acting, now, groups)
    value = to_groups(steps.value, steps.active, group, groups)
    own = to_groups(steps.own_reward, acting, now, groups)
    shared = steps.team_reward if config.shared == "team" else shared_reward(own, active, config.shared)
    reward = mixed_reward(own, shared, active, 0.0 if separation.reward else config.own_weight)
    over = steps.episode_over.unsqueeze(-1)
    if separation.done:
        done = over.expand_as(active)
    else:
        done = over | ~groups_with(steps.active[1:] & ~steps.left, after, groups)
    estimated = group_advantages(reward, value, done, active, config.discount, config.trace)
    log_prob = to_groups(steps.log_prob, acting, now, groups)
    if separation.log_prob:
        log_prob = share_sum(log_prob, active)
    return GroupExamples(estimated.advantage, estimated.returns, value[:-1].where(active, 0.0), log_prob, active)
