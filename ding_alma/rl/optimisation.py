"""One optimiser step on one set of networks."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def descend(
    loss: Tensor,
    optimiser: torch.optim.Optimizer,
    parameters: Iterable[nn.Parameter],
    grad_norm_clip: float,
    synchronise: Callable[[], None] | None = None,
) -> Tensor:
    """Back-propagate, clip the global L2 norm of the gradient and step.

    Args:
        synchronise: called between backward and clipping, averages gradients over processes.

    Returns:
        The gradient's norm before clipping, a scalar tensor.
    """
    optimiser.zero_grad()
    loss.backward()
    if synchronise is not None:
        synchronise()
    return clipped_step(optimiser, parameters, grad_norm_clip)


def clipped_step(optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter], grad_norm_clip: float) -> Tensor:
    """Clip the global L2 norm of the gradients that the parameters hold and step. Returns as `descend`."""
    norm = nn.utils.clip_grad_norm_(parameters, grad_norm_clip)
    optimiser.step()
    return norm.detach()
