"""Sums of rows by group: a compiled CPU loop with its gradient."""

from typing import Any

import numba
import torch
from torch import Tensor


class GroupSum(torch.autograd.Function):
    """Rows that belong together are added up. CPU and float32 only."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, place: Tensor, size: int) -> Tensor:
        """Args: x (V Q, C); place (Q,) int64 in [-1, size), the sum that row ``r mod Q`` is added to, -1 for none.

        Returns (size, C).
        """
        ctx.save_for_backward(place)
        ctx.rows = len(x)
        out = x.new_zeros(size, x.shape[1])
        _collect(x.contiguous().numpy(), place.numpy(), out.numpy())
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (place,) = ctx.saved_tensors
        slope = grad.new_zeros(ctx.rows, grad.shape[1])
        _spread(grad.contiguous().numpy(), place.numpy(), slope.numpy())
        return slope, None, None


@numba.njit(cache=True, nogil=True)
def _collect(x, place, out):
    for row in range(x.shape[0]):
        to = place[row % place.shape[0]]
        if to >= 0:
            for column in range(x.shape[1]):
                out[to, column] += x[row, column]


@numba.njit(cache=True, nogil=True)
def _spread(grad, place, slope):
    for row in range(slope.shape[0]):
        to = place[row % place.shape[0]]
        if to >= 0:
            for column in range(slope.shape[1]):
                slope[row, column] = grad[to, column]
