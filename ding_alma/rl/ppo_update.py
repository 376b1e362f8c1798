"""One minibatch of masked PPO: the networks' second thoughts against what they did."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ding_alma.model.actor_critic.interface import MemberActorCritic
from ding_alma.model.processes import joint_size
from ding_alma.rl.ppo import PpoConfig, PpoLoss, normalised, ppo_loss
from ding_alma.rl.separation import Separation
from ding_alma.rl.trajectories import share_sum
from ding_alma.rl.trajectory_examples import (
    TrajectoryExamples,
    to_trajectories,
    trajectories_of_members,
    trajectories_with,
)


@dataclass(frozen=True)
class PpoRows:
    """R steps of one or more teams, and what is to be learnt from them."""

    observed: dict[str, Tensor]
    """(R, ...) per key."""
    acting: Tensor
    """(R, M) bool, the members that act."""
    action: Tensor
    """(R, M) int64."""
    trajectory: Tensor | None
    """(R, M) int64, None = each member its own."""
    examples: TrajectoryExamples
    """(R, G)."""

    def pick(self, rows: Tensor) -> "PpoRows":
        """Some of the rows, by their numbers (B,)."""
        return self._each(lambda x: x[rows])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "PpoRows":
        examples = {f.name: change(getattr(self.examples, f.name)) for f in fields(self.examples)}
        return PpoRows(
            {key: change(value) for key, value in self.observed.items()},
            change(self.acting),
            change(self.action),
            None if self.trajectory is None else change(self.trajectory),
            TrajectoryExamples(**examples),
        )


def minibatch_rows(rows: Tensor, size: int, limit: int, generator: torch.Generator | None) -> list[Tensor]:
    """Shuffle and split into as few, nearly equal minibatches as possible.

    In data parallel learning every process gets equally many, each a part of a minibatch of at most ``size`` rows.

    Args:
        rows: (R,) int64, row numbers.
        size: largest minibatch.
        limit: minibatches handed out at most, 0 = all.
        generator: on the CPU.

    Returns:
        Row numbers of every minibatch; none if there are no rows.
    """
    number = math.ceil(joint_size(len(rows)) / size)
    if not number:
        return []
    shuffled = rows[torch.randperm(len(rows), generator=generator)]
    return list(shuffled.tensor_split(number))[: limit or None]


def minibatch_backward(
    network: MemberActorCritic, rows: PpoRows, separation: Separation, normalisation: str, config: PpoConfig
) -> PpoLoss:
    """Add the gradient of the loss of B steps to the parameters'.

    The actor goes first, and what its gradient needs is free before the critic begins: with maps that halves the
    memory.

    Args:
        network: the live networks.
        rows: the minibatch.
        normalisation: of the advantages, one of `ding_alma.rl.ppo.NORMALISATIONS`.

    Returns:
        The loss, without gradient.
    """
    acting, examples = rows.acting, rows.examples
    trajectory, trajectories = trajectories_of_members(rows.trajectory, separation.joint, acting)
    advantage = normalised(examples.advantage, examples.active, normalisation)

    def loss(value: Tensor, log_prob: Tensor, entropy: Tensor) -> PpoLoss:
        return ppo_loss(
            advantage,
            examples.returns,
            examples.value,
            value,
            examples.log_prob,
            log_prob,
            entropy,
            examples.active,
            config,
        )

    actions = network.act(rows.observed, acting)
    log_prob = to_trajectories(actions.log_prob(rows.action), acting, trajectory, trajectories)
    entropy = to_trajectories(actions.entropy(rows.action), acting, trajectory, trajectories)
    present = trajectories_with(acting, trajectory, trajectories)
    if separation.log_prob:
        log_prob = share_sum(log_prob, present)
    if separation.entropy:
        entropy = share_sum(entropy, present)
    loss(examples.value, log_prob, entropy).total.backward()
    del actions
    value = to_trajectories(network.evaluate(rows.observed, acting), acting, trajectory, trajectories)
    both = loss(value, log_prob.detach(), entropy.detach())
    both.total.backward()
    return PpoLoss(*(part.detach() for part in both))
