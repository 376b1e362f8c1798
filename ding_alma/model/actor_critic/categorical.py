"""Distributions over discrete actions of which only some are legal (Huang & Ontañón 2022;
docs/reference/mppo.md#action-masks)."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

ILLEGAL = -1e10
"""Logit of an illegal action: its probability underflows to exactly zero and nothing flows back through it."""


def masked_log_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Log-probabilities (..., U) over the legal actions; about `ILLEGAL` for the others, uniform where none is legal.

    Args: logits (..., U); mask (..., U) bool.
    """
    return logits.masked_fill(~mask, ILLEGAL).log_softmax(-1)


class ActionDistribution(ABC):
    """Independent distributions over U actions; every one of them has a legal action."""

    @abstractmethod
    def log_probs(self) -> Tensor:
        """(..., U), about `ILLEGAL` for illegal actions."""

    @abstractmethod
    def entropy(self, action: Tensor) -> Tensor:
        """(...), in nats; ``action`` (...) int64 is the one taken, which some estimates depend upon."""

    def probs(self) -> Tensor:
        """(..., U), exactly 0 for illegal actions."""
        return self.log_probs().exp()

    def log_prob(self, action: Tensor) -> Tensor:
        """(...) of the actions (...) int64."""
        return self.log_probs().gather(-1, action.unsqueeze(-1)).squeeze(-1)

    def mode(self) -> Tensor:
        """(...) int64, the likeliest action."""
        return self.log_probs().argmax(-1)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """(...) int64, one draw each; ``generator`` (None: torch's own) is on the CPU, whatever the device."""
        log_probs = self.log_probs()
        # The winner of a race of exponential clocks; unlike an inverted cumulative sum it cannot round onto an illegal
        # action.
        clocks = torch.empty(log_probs.shape).exponential_(generator=generator)
        clocks = clocks.to(log_probs.device, non_blocking=True)
        return (log_probs - clocks.log()).argmax(-1)


class MaskedCategorical(ActionDistribution):
    """Softmax over the legal actions.

    Args:
        logits: (..., U).
        mask: (..., U) bool, True = legal.
    """

    def __init__(self, logits: Tensor, mask: Tensor) -> None:
        self._mask = mask
        self._log_probs = masked_log_softmax(logits, mask)

    def log_probs(self) -> Tensor:
        return self._log_probs

    def entropy(self, action: Tensor | None = None) -> Tensor:
        """(...), exact: no action is looked at."""
        return legal_entropy(self._log_probs, self._mask)


class MixedCategorical(ActionDistribution):
    """``(1 - epsilon)`` of a softmax and ``epsilon`` of the uniform distribution, both over the legal actions.

    Agents that sample it explore independently of each other. Without a legal action all probabilities are zero.

    Args:
        logits: (..., U).
        mask: (..., U) bool, True = legal.
        epsilon: (...) in [0, 1], or one number.
    """

    def __init__(self, logits: Tensor, mask: Tensor, epsilon: Tensor | float) -> None:
        self._mask = mask
        share = torch.as_tensor(epsilon, dtype=logits.dtype, device=logits.device).unsqueeze(-1)
        uniform = -mask.sum(-1, keepdim=True).clamp_min(1).log()
        mixed = torch.logaddexp((1 - share).log() + masked_log_softmax(logits, mask), share.log() + uniform)
        self._log_probs = mixed.masked_fill(~mask, ILLEGAL)

    def log_probs(self) -> Tensor:
        return self._log_probs

    def entropy(self, action: Tensor | None = None) -> Tensor:
        """(...), exact: no action is looked at."""
        return legal_entropy(self._log_probs, self._mask)


def legal_entropy(log_probs: Tensor, mask: Tensor) -> Tensor:
    """(...) entropy of log-probabilities (..., U), summed over the legal actions (..., U) bool."""
    return -(log_probs.exp() * log_probs.masked_fill(~mask, 0.0)).sum(-1)
