"""The losses of masked PPO over all active trajectories of a minibatch (docs/reference/mppo.md#losses)."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ding_alma.model.processes import mean_count, total

NORMALISATIONS = ("active", "padded", "none")
"""Where an advantage's mean and spread are taken from: the active entries, all entries with zeros for the inactive
ones (the thesis' code), or nowhere."""
NORMALISATION_EPSILON = 1e-8


@dataclass(frozen=True)
class PpoConfig:
    """Constants of the loss; defaults are the thesis'."""

    clip: float = 0.2
    """Largest change of a probability ratio, and of a value, that is rewarded."""
    clip_value: bool = True
    entropy_weight: float = 1e-3
    value_weight: float = 0.5


class PpoLoss(NamedTuple):
    """Means over the active entries of a minibatch; all zero if there is none."""

    total: Tensor
    """Scalar with gradient, as are the next three."""
    policy: Tensor
    value: Tensor
    entropy: Tensor
    approx_kl: Tensor
    """Scalar without gradient, as are the next two: mean of (ratio - 1) - log ratio."""
    old_approx_kl: Tensor
    """Mean of -log ratio."""
    clip_frac: Tensor
    """Share of the ratios that lie further than ``clip`` from 1."""


def normalised(advantage: Tensor, active: Tensor, how: str) -> Tensor:
    """Advantages of mean 0 and unbiased standard deviation 1, zero where inactive; untouched if fewer than two count.

    Args: advantage, of any shape; active, of the same, bool; how, one of `NORMALISATIONS`.

    Raises:
        ValueError: an unknown ``how``.
    """
    if how not in NORMALISATIONS:
        raise ValueError(f"how must be one of {NORMALISATIONS}, got {how!r}")
    advantage = torch.where(active, advantage, 0.0)
    if how == "none":
        return advantage
    counted = active if how == "active" else torch.ones_like(active)
    number = total(counted.sum())
    mean = total(advantage.sum()) / number.clamp_min(1)
    centred = torch.where(counted, advantage - mean, 0.0)
    deviation = (total(centred.square().sum()) / (number - 1).clamp_min(1)).sqrt()
    scaled = torch.where(active, centred / (deviation + NORMALISATION_EPSILON), 0.0)
    return torch.where(number >= 2, scaled, advantage)


def ppo_loss(
    advantage: Tensor,
    returns: Tensor,
    value_old: Tensor,
    value: Tensor,
    log_prob_old: Tensor,
    log_prob: Tensor,
    entropy: Tensor,
    active: Tensor,
    config: PpoConfig,
) -> PpoLoss:
    """Clipped policy loss, (clipped) value loss and entropy bonus.

    Args: all (B, G); ``active`` bool, the entries that count; ``advantage`` as the policy loss is to use it.
    """
    count = mean_count(active)

    def mean(x: Tensor) -> Tensor:
        return torch.where(active, x, 0.0).sum() / count

    # Entries that do not count may hold anything, and exp() of anything may be infinite.
    log_ratio = torch.where(active, log_prob - log_prob_old, 0.0)
    ratio = log_ratio.exp()
    policy = mean(torch.maximum(-advantage * ratio, -advantage * ratio.clamp(1 - config.clip, 1 + config.clip)))
    error = (value - returns).square()
    if config.clip_value:
        clipped = value_old + (value - value_old).clamp(-config.clip, config.clip)
        error = torch.maximum(error, (clipped - returns).square())
    value_loss = 0.5 * mean(error)
    entropy_mean = mean(entropy)
    with torch.no_grad():
        approx_kl = mean(ratio - 1 - log_ratio)
        old_approx_kl = mean(-log_ratio)
        clip_frac = mean(((ratio - 1).abs() > config.clip).to(ratio.dtype))
    weighted = policy - config.entropy_weight * entropy_mean + config.value_weight * value_loss
    return PpoLoss(weighted, policy, value_loss, entropy_mean, approx_kl, old_approx_kl, clip_frac)
