"""One optimiser step on one set of networks."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class NotFiniteError(ArithmeticError):
    """A loss or its gradient is NaN or infinite."""


class PortableOptimiser:
    """An optimiser of torch's whose learning rate may change in a CUDA graph, and whose state is the same without one.

    One that is ``capturable`` gets its learning rate as a tensor.

    Attributes:
        torch: the optimiser itself.
    """

    def __init__(self, optimiser: torch.optim.Optimizer) -> None:
        self.torch = optimiser
        self.set_rate(optimiser.defaults["lr"])

    def set_rate(self, rate: float) -> None:
        """From now on, learn with this rate."""
        self._rate = rate
        for group in self.torch.param_groups:
            if not group.get("capturable"):
                group["lr"] = rate
            elif isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = group["params"][0].detach().new_full((), rate)

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's state, learning rates as numbers."""
        state = self.torch.state_dict()
        return {**state, "param_groups": [{**group, "lr": self._rate} for group in state["param_groups"]]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned, of an optimiser that is ``capturable`` or of one that is not."""
        own = self.torch.param_groups[0]
        ways = {way: own[way] for way in ("capturable", "foreach") if way in own}
        groups = [{**group, **ways} for group in state["param_groups"]]
        self.torch.load_state_dict({**state, "param_groups": groups})
        self.set_rate(float(groups[0]["lr"]))


class Descent:
    """Gradient descent on one network, whose parameters it keeps in one vector and whose gradients in another.

    The network's own parameters and gradients become views of them, so that clipping and an optimiser's step are a few
    operations on one vector instead of as many on each of dozens of small tensors. The network must not be moved to
    another device afterwards.
    """

    def __init__(
        self,
        network: nn.Module,
        optimiser: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
        grad_norm_clip: float,
        synchronise: Callable[[], None] | None = None,
    ) -> None:
        """Take over the network's trainable parameters.

        Args:
            optimiser: makes one of a list of parameters, for example ``partial(torch.optim.Adam, lr=1e-3)``.
            grad_norm_clip: largest global L2 norm of a gradient.
            synchronise: called between backward and clipping, averages gradients over processes.
        """
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._vector = nn.Parameter(torch.cat([parameter.detach().flatten() for parameter in parameters]))
        self._gradient = torch.zeros_like(self._vector)
        self._vector.grad = self._gradient
        sizes = [parameter.numel() for parameter in parameters]
        parts = zip(self._vector.detach().split(sizes), self._gradient.split(sizes), strict=True)
        for parameter, (values, gradient) in zip(parameters, parts, strict=True):
            parameter.data = values.view_as(parameter)
            parameter.grad = gradient.view_as(parameter)
        self._optimiser = PortableOptimiser(optimiser([self._vector]))
        self._learning_rate: float = self._optimiser.torch.defaults["lr"]
        self._grad_norm_clip = grad_norm_clip
        self._synchronise = synchronise

    def step(self, loss: Tensor) -> Tensor:
        """Back-propagate, clip the global norm of the gradient and step.

        Returns:
            The gradient's norm before clipping, a scalar tensor.

        Raises:
            NotFiniteError: on a CPU, loss or gradient are not finite; the parameters are as they were. On other
                devices looking would mean waiting.
        """
        self._gradient.zero_()
        loss.backward()
        if self._synchronise is not None:
            self._synchronise()
        return clipped_step(loss, self._optimiser.torch, [self._vector], self._grad_norm_clip)

    def scale_learning_rate(self, factor: float) -> None:
        """From now on, learn with ``factor`` times the rate that the optimiser was made with."""
        self._optimiser.set_rate(self._learning_rate * factor)

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's state, see `PortableOptimiser`."""
        return self._optimiser.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._optimiser.load_state_dict(state)


def clipped_step(
    loss: Tensor, optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter], grad_norm_clip: float
) -> Tensor:
    """Clip the global L2 norm of the gradients that the parameters hold and step.

    Returns and raises as `Descent.step`; of ``loss`` no more than its value is needed.
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
