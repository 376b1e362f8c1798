"""Amortised Q-learning on decision points (docs/reference/alma.md#losses-of-the-allocation-controller)."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from ding_alma.model.allocation.allocator import Allocator, ProposalDraws
from ding_alma.model.processes import average
from ding_alma.rl.decision_points import DecisionPoints, padded
from ding_alma.rl.proposal_metrics import proposal_metrics


@dataclass(frozen=True)
class AllocationLossConfig:
    """Constants of the update."""

    discount: float = 0.99
    """Per decision, whatever the number of steps until the next one (docs/reference/quirks.md#q13)."""
    entropy_weight: float = 0.01
    age_limit: int = 150_000
    """Environment steps after which an episode counts for nothing; its weight falls linearly until then. 0 = none."""


@dataclass(frozen=True)
class AllocationDraws:
    """The random numbers of one update."""

    stored_permutation: Tensor
    """(K + extra,) int64, subtask embedding of the live critic on stored allocations."""
    proposals: ProposalDraws
    target_permutation: Tensor
    """(K + extra,) int64, subtask embedding of the target critic."""

    @classmethod
    def draw(cls, generator: torch.Generator | None, allocator: Allocator, points: DecisionPoints) -> Self:
        """Fresh random numbers of a generator on the CPU (None: torch's own)."""
        stored = allocator.draw_permutation(generator)
        proposals = ProposalDraws.draw(generator, allocator, points)
        return cls(stored, proposals, allocator.draw_permutation(generator))

    def fixed(self, count: int) -> Self:
        """The same random numbers for `DecisionPoints.fixed`."""
        uniforms = padded(self.proposals.uniforms, count, 1)
        return replace(self, proposals=replace(self.proposals, uniforms=uniforms))


def allocation_losses(
    live: Allocator,
    target: Allocator,
    points: DecisionPoints,
    env_step: int | Tensor,
    config: AllocationLossConfig,
    draws: AllocationDraws,
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Losses of critic and proposal network, which share no parameter; the live critic's Pop-Art output is updated.

    The target of decision n bootstraps from decision n + 1 of the flattened batch; where that is another row, n is not
    usable unless it ended the episode. Only sampled proposals compete for the best one. The age weight enters the
    critic's squared errors twice and the proposal loss once, but for the last decision (docs/reference/quirks.md#q7).

    Args:
        target: only its critic is used, without a graph.
        points: decisions, those that exist first.
        env_step: the environment-step counter now, a number or a scalar tensor.

    Returns:
        Critic loss, proposal loss (both scalars; zero when nothing is usable, but for the entropy bonus), and detached
        scalar metrics.
    """
    rated = live.propose(points, draws.proposals)
    proposals, best_allocation = rated.proposals, rated.best_allocation
    now, after = slice(0, -1), slice(1, None)
    followed = points.exists[after]

    with torch.no_grad():
        best_value = target.critic(points, best_allocation, draws.target_permutation)
        bootstrap = torch.where(points.terminated[now], 0.0, target.critic.popart.denormalise(best_value)[after])
        returns = points.reward[now] + config.discount * bootstrap
        usable = points.usable.to(returns.dtype)
        youth = torch.ones_like(usable[now])
        if config.age_limit:
            youth = (1 - (env_step - points.collected_at[now]) / config.age_limit).clamp_min(0)
            youth = torch.where(followed, youth, 1.0)
        weight = torch.cat([usable[now] * youth, usable[-1:]])

    raw_value = live.critic.raw_value(points, points.allocation, draws.stored_permutation)[now]
    value, normalised = live.critic.popart.predict_across_update(
        raw_value.unsqueeze(1), returns.unsqueeze(1), (points.usable[now] & followed).unsqueeze(1)
    )
    taught = weight[now] * followed
    critic_loss = _share((taught * (value - normalised).squeeze(1)).square(), taught)
    best_log_prob = proposals.log_prob.gather(1, rated.best.unsqueeze(1)).squeeze(1)
    # Of decisions that do not exist, which no agent takes part in, the sums are zero.
    count = points.exists.sum()
    entropy = proposals.entropy.sum() / (average(count) * live.proposals)
    amortisation = _share(-weight * best_log_prob, weight)
    proposal_loss = amortisation - config.entropy_weight * entropy

    metrics = {
        "alloc_q_loss": critic_loss.detach(),
        "alloc_amort_loss": amortisation.detach(),
        "alloc_entropy": entropy.detach(),
        **proposal_metrics(points, rated, count),
    }
    return critic_loss, proposal_loss, metrics


def _share(values: Tensor, weight: Tensor) -> Tensor:
    """Sum of ``values`` over the sum of ``weight`` (of all processes), zero where the weights are."""
    total = average(weight.sum())
    return values.sum() / torch.where(total > 0, total, torch.ones_like(total))
