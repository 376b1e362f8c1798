"""Linear maps of many rows, by whichever matrix product is fastest on the machine.

On CPUs other than Intel's, PyTorch's default product (MKL) leaves half of the speed unused; oneDNN, which ships with
PyTorch and which its compiler uses for inference, does not. Both are float32 throughout.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    """``activation(x weight^T + bias)`` without gradient, of CPU tensors in float32.

    Args: x (R, I) and weight (O, I), of any strides; bias (O,); activation 'none' or 'relu'. Returns (R, O).
    """
    if _ONEDNN and x.numel() and weight.numel():
        # oneDNN falls back to a loop that is a thousand times slower for any other layout of the weight.
        if not (weight.is_contiguous() or weight.T.is_contiguous()):
            weight = weight.contiguous()
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "")
    out = F.linear(x, weight, bias)
    return out.relu_() if activation == "relu" else out


def weight_gradient(grad: Tensor, x: Tensor) -> Tensor:
    """Gradient of the weight in ``x weight^T``. Args: grad (R, O); x (R, I). Returns (O, I).

    Not by `product`: oneDNN first copies a transposed factor, which costs more than it gains.
    """
    return grad.T @ x


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        out = product(x, weight, bias, activation)
        ctx.save_for_backward(x, weight, out if activation == "relu" else None)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, out = ctx.saved_tensors
        if out is not None:
            grad = torch.ops.aten.threshold_backward(grad, out, 0)
        need_x, need_weight, need_bias, _ = ctx.needs_input_grad
        return (
            product(grad, weight.T) if need_x else None,
            weight_gradient(grad, x) if need_weight else None,
            grad.sum(0) if need_bias else None,
            None,
        )


FEW_ROWS = 1024
"""Below this many rows oneDNN's preparations cost more than its product gains."""


def _suits_default(x: Tensor) -> bool:
    return x.is_cuda or x.dtype != torch.float32 or (len(x) < FEW_ROWS and not torch.is_grad_enabled())


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x weight^T + bias``. Args: x (R, I); weight (O, I); bias (O,). Returns (R, O)."""
    if _suits_default(x):
        return F.linear(x, weight, bias)
    return _Linear.apply(x, weight, bias, "none")


def linear_relu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """ReLU of `linear`, in one pass."""
    if _suits_default(x):
        return F.linear(x, weight, bias).relu_()
    return _Linear.apply(x, weight, bias, "relu")
