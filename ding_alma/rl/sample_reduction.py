"""Keeping only the most telling trajectories of every step, the thesis' "train sample reduction"
(docs/reference/mppo.md#sample-reduction)."""

import torch
from torch import Tensor

REDUCTIONS = ("advantage", "abs_advantage", "return", "random")
"""What decides which trajectories stay."""


def largest(score: Tensor, eligible: Tensor, number: int) -> Tensor:
    """The ``number`` eligible entries of every row with the largest scores, fewer where fewer are eligible.

    Of equals the lower index stays.

    Args: score (..., G); eligible (..., G) bool; number, at least 1. Returns (..., G) bool.
    """
    order = score.masked_fill(~eligible, -torch.inf).argsort(dim=-1, descending=True, stable=True)
    leading = torch.arange(score.shape[-1], device=score.device) < number
    return torch.zeros_like(eligible).scatter(-1, order, leading.expand_as(eligible)) & eligible


def reduction_score(by: str, advantage: Tensor, returns: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """What `largest` is to rank the trajectories by, of the shape of ``advantage``.

    Args:
        by: one of `REDUCTIONS`.
        generator: source of the scores under 'random', on the CPU.

    Raises:
        ValueError: an unknown ``by``.
    """
    if by == "advantage":
        return advantage
    if by == "abs_advantage":
        return advantage.abs()
    if by == "return":
        return returns
    if by == "random":
        return torch.rand(advantage.shape, generator=generator).to(advantage.device, non_blocking=True)
    raise ValueError(f"by must be one of {REDUCTIONS}, got {by!r}")
