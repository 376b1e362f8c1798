"""Value heads on a normalised scale that follows the targets (docs/reference/alma.md#pop-art)."""

import torch
from torch import Tensor, nn

from ding_alma.model.processes import average

SMALLEST_VARIANCE = 1e-12
"""Keeps the scale finite when all targets of the first update coincide."""


class PopArt(nn.Module):
    """Learned affine output per value, re-expressed whenever the running target statistics move.

    One scalar mean and variance are pooled over all outputs. `forward` gives values on the normalised scale;
    `denormalise` brings them back to the scale of returns. An update corrects ``weight`` and ``bias``, so that
    denormalised outputs do not jump when the statistics do.
    """

    mean: Tensor
    var: Tensor
    initialised: Tensor

    def __init__(self, outputs: int, alpha: float = 0.01) -> None:
        super().__init__()
        self.alpha = alpha
        self.weight = nn.Parameter(torch.ones(outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("var", torch.ones(()))
        self.register_buffer("initialised", torch.zeros((), dtype=torch.bool))

    def forward(self, x: Tensor) -> Tensor:
        """Args: x (..., outputs). Returns the same shape, normalised scale."""
        return x * self.weight + self.bias

    def denormalise(self, x: Tensor) -> Tensor:
        """Normalised values of any shape on the scale of returns; unchanged before the first update."""
        mean = torch.where(self.initialised, self.mean, torch.zeros_like(self.mean))
        std = torch.where(self.initialised, self.var, torch.ones_like(self.var)).sqrt()
        return x * std + mean

    @torch.no_grad()
    def update(self, targets: Tensor, mask: Tensor) -> Tensor:
        """Move the statistics towards ``targets`` and correct the affine output for it, in place.

        Nothing moves when the mask is empty. The targets of all processes that learn together count (`processes`).
        Outputs whose graph is still to be differentiated must come from
        `predict_across_update`, because this changes the weight they saved.

        Args:
            targets: (..., outputs), scale of returns.
            mask: same shape, bool or 0/1, True = the target counts.

        Returns:
            The targets on the new normalised scale.
        """
        mask = mask.to(targets.dtype)
        count = average(mask.sum())
        share = mask / (count + 1e-8)
        first = ~self.initialised
        old_mean = torch.where(first, average((targets * share).sum()), self.mean)
        deviation = targets - old_mean
        spread, drift = average(torch.stack([(deviation.square() * share).sum(), (deviation * share).sum()]))
        old_var = torch.where(first, spread, self.var)
        mean = old_mean + self.alpha * drift
        var = ((1 - self.alpha) * (old_var + self.alpha * spread)).clamp_min(SMALLEST_VARIANCE)

        any_target = count > 0
        correct = any_target & ~first
        scale = torch.where(correct, (old_var / var).sqrt(), torch.ones_like(var))
        shift = torch.where(correct, (old_mean - mean) / var.sqrt(), torch.zeros_like(var))
        self.weight.mul_(scale)
        self.bias.mul_(scale).add_(shift)
        self.mean.copy_(torch.where(any_target, mean, self.mean))
        self.var.copy_(torch.where(any_target, var, self.var))
        self.initialised.logical_or_(any_target)
        return (targets - self.mean) / self.var.sqrt()

    def predict_across_update(self, x: Tensor, targets: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """`forward` with the parameters before an `update`, differentiated with the parameters after it.

        That is what the reference computes, because it overwrites weights that its graph still holds
        (docs/reference/quirks.md#q10).

        Args: x, targets, mask (..., outputs). Returns the predictions and the normalised targets.
        """
        before = self(x).detach()
        normalised = self.update(targets, mask)
        after = self(x)
        return after + (before - after).detach(), normalised


class Unnormalised(nn.Module):
    """The interface of `PopArt` for value heads that learn on the scale of returns."""

    def forward(self, x: Tensor) -> Tensor:
        return x

    def denormalise(self, x: Tensor) -> Tensor:
        return x

    def update(self, targets: Tensor, mask: Tensor) -> Tensor:
        return targets

    def predict_across_update(self, x: Tensor, targets: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return x, targets
