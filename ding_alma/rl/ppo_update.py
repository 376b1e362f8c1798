"""One minibatch of masked PPO: the networks' second thoughts against what they did."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ding_alma.model.group_actor_critic import GroupActorCritic
from ding_alma.rl.group_examples import GroupExamples, groups_with, members_of_groups, to_groups
from ding_alma.rl.group_sums import share_sum
from ding_alma.rl.ppo import PpoConfig, PpoLoss, normalised, ppo_loss
from ding_alma.rl.separation import Separation


@dataclass(frozen=True)
class PpoRows:
    """R steps of one or more teams, and what is to be learnt from them."""

    observed: dict[str, Tensor]
    """(R, ...) per key."""
    acting: Tensor
    """(R, M) bool, the members that act."""
    action: Tensor
    """(R, M) int64."""
    group: Tensor | None
    """(R, M) int64, None = each member its own."""
    examples: GroupExamples
    """(R, G)."""

    def pick(self, rows: Tensor) -> "PpoRows":
        """Some of the rows, by their numbers (B,)."""
        return self._each(lambda x: x[rows])

    def to(self, device: torch.device | str) -> "PpoRows":
        """The same rows on another device."""
        return self._each(lambda x: x.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "PpoRows":
        examples = {f.name: change(getattr(self.examples, f.name)) for f in fields(self.examples)}
        return PpoRows(
            {key: change(value) for key, value in self.observed.items()},
            change(self.acting),
            change(self.action),
            None if self.group is None else change(self.group),
            GroupExamples(**examples),
        )


def minibatch_rows(rows: Tensor, size: int, limit: int, generator: torch.Generator | None) -> list[Tensor]:
    """Shuffle and split into as few, nearly equal minibatches as possible.

    Args:
        rows: (R,) int64, row numbers.
        size: largest minibatch.
        limit: minibatches handed out at most, 0 = all.
        generator: on the CPU.

    Returns:
        Row numbers of every minibatch; none if there are no rows.
    """
    if not len(rows):
        return []
    shuffled = rows[torch.randperm(len(rows), generator=generator)]
    return list(shuffled.tensor_split(math.ceil(len(rows) / size)))[: limit or None]


def minibatch_loss(
    network: GroupActorCritic, rows: PpoRows, separation: Separation, normalisation: str, config: PpoConfig
) -> PpoLoss:
    """Loss of B steps.

    Args:
        network: the live networks.
        rows: the minibatch.
        normalisation: of the advantages, one of `ding_alma.rl.ppo.NORMALISATIONS`.
    """
    acting, examples = rows.acting, rows.examples
    judged = network(rows.observed, acting)
    group, groups = members_of_groups(rows.group, separation.joint, acting)
    value = to_groups(judged.value, acting, group, groups)
    log_prob = to_groups(judged.actions.log_prob(rows.action), acting, group, groups)
    entropy = to_groups(judged.actions.entropy(rows.action), acting, group, groups)
    present = groups_with(acting, group, groups)
    if separation.log_prob:
        log_prob = share_sum(log_prob, present)
    if separation.entropy:
        entropy = share_sum(entropy, present)
    return ppo_loss(
        normalised(examples.advantage, examples.active, normalisation),
        examples.returns,
        examples.value,
        value,
        examples.log_prob,
        log_prob,
        entropy,
        examples.active,
        config,
    )
