"""Sums over what an agent sees of a ReLU of the pair: compiled CPU loops with their gradient."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.first_layer import encode_rows, weight_gradients
from ding_alma.model.attention.ragged_attention import Neighbours


class PairSum(torch.autograd.Function):
    """``sum_j relu(own x_i + bias + other x_j)`` over the rows j that i looks at, pairs never stored.

    CPU and float32 only.
    """

    @staticmethod
    def forward(
        ctx: Any,
        inputs: EntityInputs,
        asking: Tensor,
        rows: Tensor,
        pairs: Neighbours,
        own: Tensor,
        bias: Tensor,
        other: Tensor,
    ) -> Tensor:
        """Args: asking (Q,) and rows (R,) int64, of the N E input rows; own and other (C, I); bias (C,).

        Returns (V Q, C), zeros where nothing may be looked at.
        """
        ctx.inputs, ctx.asking, ctx.rows, ctx.pairs = inputs, asking, rows, pairs
        (ctx.own,) = encode_rows(inputs, asking, [own], [bias], relu=False)
        (ctx.other,) = encode_rows(inputs, rows, [other], [torch.zeros_like(bias)], relu=False)
        out = np.zeros((len(pairs.start) - 1, len(bias)), np.float32)
        pair_kernels(len(bias)).collect(ctx.own, ctx.other, pairs.start, pairs.row, out)
        return torch.from_numpy(out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        by_own, by_other = np.zeros_like(ctx.own), np.zeros_like(ctx.other)
        pair_kernels(by_own.shape[1]).spread(
            grad.contiguous().numpy(), ctx.own, ctx.other, ctx.pairs.start, ctx.pairs.row, by_own, by_other
        )
        (own,) = weight_gradients(ctx.inputs, ctx.asking, by_own[None])
        (other,) = weight_gradients(ctx.inputs, ctx.rows, by_other[None])
        return None, None, None, None, own, torch.from_numpy(by_own.sum(0)), other


class PairKernels(NamedTuple):
    """Loops over pairs of C numbers. ``own`` (Q, C), ``other`` (R, C); start and row as in `Neighbours`."""

    collect: Callable
    """(own, other, start, row, out): out (V Q, C) += relu(own + other), summed over each asking row's neighbours."""
    spread: Callable
    """(grad, own, other, start, row, by_own, by_other): its gradients from that of ``out``, added."""


@lru_cache
def pair_kernels(width: int) -> PairKernels:
    """The loops for pairs of ``width`` numbers, a constant so that the compiler vectorises them."""
    compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")

    @compiled
    def collect(own, other, start, row, out):
        asks, sums = np.empty(width, np.float32), np.empty(width, np.float32)
        for query in range(out.shape[0]):
            if start[query] == start[query + 1]:
                continue
            asking = query % own.shape[0]
            for unit in range(width):
                asks[unit] = own[asking, unit]
                sums[unit] = 0
            for pair in range(start[query], start[query + 1]):
                seen = row[pair]
                for unit in range(width):
                    sums[unit] += max(asks[unit] + other[seen, unit], np.float32(0))
            for unit in range(width):
                out[query, unit] = sums[unit]

    @compiled
    def spread(grad, own, other, start, row, by_own, by_other):
        asks, sums, slope = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
        for query in range(grad.shape[0]):
            if start[query] == start[query + 1]:
                continue
            asking = query % own.shape[0]
            for unit in range(width):
                asks[unit] = own[asking, unit]
                slope[unit] = grad[query, unit]
                sums[unit] = 0
            for pair in range(start[query], start[query + 1]):
                seen = row[pair]
                for unit in range(width):
                    passed = slope[unit] if asks[unit] + other[seen, unit] > 0 else np.float32(0)
                    sums[unit] += passed
                    by_other[seen, unit] += passed
            for unit in range(width):
                by_own[asking, unit] += sums[unit]

    return PairKernels(collect, spread)
