"""One optimiser step on one set of networks."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


class NotFiniteError(ArithmeticError):
    """A loss or its gradient is NaN or infinite."""


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

    Raises:
        NotFiniteError: on a CPU, loss or gradient are not finite; the parameters are as they were. On other devices
            looking would mean waiting.
    """
    optimiser.zero_grad()
    loss.backward()
    if synchronise is not None:
        synchronise()
    return clipped_step(loss, optimiser, parameters, grad_norm_clip)


def clipped_step(
    loss: Tensor, optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter], grad_norm_clip: float
) -> Tensor:
    """Clip the global L2 norm of the gradients that the parameters hold and step.

    Returns and raises as `descend`; of ``loss`` no more than its value is needed.
    """
    norm = nn.utils.clip_grad_norm_(parameters, grad_norm_clip).detach()
    if norm.device.type == "cpu":
        require_finite(float(loss.detach()), float(norm))
    optimiser.step()
    return norm


def require_finite(*values: float) -> None:
    """Raise a `NotFiniteError` unless all of a loss's values and its gradient's norm are finite."""
    if not math.isfinite(sum(values)):
        raise NotFiniteError(f"loss or gradient is not finite: {', '.join(map(str, values))}")
