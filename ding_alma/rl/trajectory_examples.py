"""From what members did to the examples that their trajectories are learnt from.

See docs/reference/mppo.md#members-and-trajectories.
"""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ding_alma.rl.separation import FULL_SEPARATION, Separation
from ding_alma.rl.trajectories import (
    SHARED_REWARDS,
    any_member,
    mixed_reward,
    share_sum,
    shared_reward,
    sum_members,
    trajectory_advantages,
)


@dataclass(frozen=True)
class MemberSteps:
    """T steps of N teams with M members; a row may pass from one episode to the next.

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
    trajectory: Tensor | None = None
    """(T + 1, N, M) int64 in [0, M), the trajectory of every member; None = each its own."""


@dataclass(frozen=True)
class TrajectoryExamples:
    """What the loss compares the networks with, (..., G); zero where a trajectory is not active."""

    advantage: Tensor
    returns: Tensor
    value: Tensor
    """Of the networks that acted."""
    log_prob: Tensor
    """Of the networks that acted."""
    active: Tensor
    """bool, the trajectory acts and is learnt from."""

    def rows(self, index: Tensor | tuple[Tensor, ...]) -> "TrajectoryExamples":
        """The entries picked by ``index`` along the leading axes."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})


@dataclass(frozen=True)
class ExampleConfig:
    """How trajectories are formed and credited; defaults are the thesis' method."""

    discount: float = 0.99
    trace: float = 0.95
    own_weight: float = 1.0
    """Share of a trajectory's own reward; the rest is the shared one."""
    shared: str = "sum"
    """The reward that trajectories share: one of `SHARED_REWARDS`, or 'team' for the environment's global reward."""
    separation: Separation = FULL_SEPARATION


SHARED_CHOICES = (*SHARED_REWARDS, "team")


def trajectories_of_members(trajectory: Tensor | None, joint: bool, acting: Tensor) -> tuple[Tensor | None, int]:
    """Trajectory of every member (..., M) int64, None = each its own, and the number of trajectories G.

    Args: trajectory (..., M) int64 or None; joint, all form one; acting (..., M), read for its shape and device.
    """
    if joint:
        return torch.zeros_like(acting, dtype=torch.int64), 1
    return trajectory, acting.shape[-1]


def to_trajectories(x: Tensor, active: Tensor, trajectory: Tensor | None, trajectories: int) -> Tensor:
    """(..., G) sums over active members of x (..., M); ``trajectory`` as `trajectories_of_members` gives it."""
    return torch.where(active, x, 0.0) if trajectory is None else sum_members(x, active, trajectory, trajectories)


def trajectories_with(flag: Tensor, trajectory: Tensor | None, trajectories: int) -> Tensor:
    """(..., G) bool, trajectories of which some member is flagged (..., M) bool."""
    return flag if trajectory is None else any_member(flag, trajectory, trajectories)


def acting_trajectories(steps: MemberSteps, separation: Separation) -> tuple[Tensor, Tensor]:
    """Which trajectories act (T, N, G) bool, and the log-probability (T, N, G) of what they did."""
    trajectory, trajectories = trajectories_of_members(steps.trajectory, separation.joint, steps.active)
    now = None if trajectory is None else trajectory[:-1]
    acting = steps.active[:-1] & steps.valid.unsqueeze(-1)
    active = trajectories_with(acting, now, trajectories)
    log_prob = to_trajectories(steps.log_prob, acting, now, trajectories)
    return active, share_sum(log_prob, active) if separation.log_prob else log_prob


def trajectory_examples(steps: MemberSteps, config: ExampleConfig) -> TrajectoryExamples:
    """Sum members into trajectories, mix rewards, estimate advantages.

    Returns:
        Examples of shape (T, N, G).
    """
    separation = config.separation
    trajectory, trajectories = trajectories_of_members(steps.trajectory, separation.joint, steps.active)
    now, after = (None, None) if trajectory is None else (trajectory[:-1], trajectory[1:])
    acting = steps.active[:-1] & steps.valid.unsqueeze(-1)
    active, log_prob = acting_trajectories(steps, separation)
    value = to_trajectories(steps.value, steps.active, trajectory, trajectories)
    own = to_trajectories(steps.own_reward, acting, now, trajectories)
    shared = steps.team_reward if config.shared == "team" else shared_reward(own, active, config.shared)
    reward = mixed_reward(own, shared, active, 0.0 if separation.reward else config.own_weight)
    over = steps.episode_over.unsqueeze(-1)
    if separation.done:
        done = over.expand_as(active)
    else:
        done = over | ~trajectories_with(steps.active[1:] & ~steps.left, after, trajectories)
    estimated = trajectory_advantages(reward, value, done, active, config.discount, config.trace)
    return TrajectoryExamples(estimated.advantage, estimated.returns, value[:-1].where(active, 0.0), log_prob, active)
