"""Attention in which every query has its own short list of neighbours: a compiled CPU kernel with its gradient."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.linear import product, weight_gradient


class _Kernels(NamedTuple):
    """Loops over pairs of an asking row and a row that it looks at.

    ``start`` and ``neighbour`` list the pairs as in `RaggedAttention`; ``per_pair`` is (P, heads), one number per pair
    and head.
    """

    dot: Callable
    """(asking, seen, start, neighbour, per_pair): per_pair = asking . seen."""
    softmax: Callable
    """(start, scale, per_pair): over each row's pairs, in place."""
    softmax_slope: Callable
    """(start, scale, weight, per_pair): gradient by the weights to gradient by the scores, in place."""
    collect: Callable
    """(per_pair, seen, start, neighbour, asking): asking += per_pair * seen."""
    spread: Callable
    """(per_pair, asking, start, neighbour, seen): seen += per_pair * asking."""


@lru_cache
def _kernels(heads: int, width: int) -> _Kernels:
    """The loops for one head layout.

    Constant trip counts and one statement per innermost loop let the compiler vectorise; fused into one function, the
    same arithmetic takes two to three times as long.
    """
    compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")

    @compiled
    def dot(asking, seen, start, neighbour, per_pair):
        rows = asking.shape[0]
        for row in range(start.shape[0] - 1):
            own = row % rows
            for pair in range(start[row], start[row + 1]):
                other = neighbour[pair]
                for head in range(heads):
                    low = head * width
                    total = np.float32(0)
                    for column in range(width):
                        total += asking[own, low + column] * seen[other, low + column]
                    per_pair[pair, head] = total

    @compiled
    def softmax(start, scale, per_pair):
        for row in range(start.shape[0] - 1):
            first, last = start[row], start[row + 1]
            for head in range(heads):
                highest = np.float32(-3e38)
                for pair in range(first, last):
                    highest = max(highest, per_pair[pair, head])
                total = np.float32(0)
                for pair in range(first, last):
                    share = np.exp((per_pair[pair, head] - highest) * scale)
                    per_pair[pair, head] = share
                    total += share
                for pair in range(first, last):
                    per_pair[pair, head] /= total

    @compiled
    def softmax_slope(start, scale, weight, per_pair):
        for row in range(start.shape[0] - 1):
            first, last = start[row], start[row + 1]
            for head in range(heads):
                mean = np.float32(0)
                for pair in range(first, last):
                    mean += weight[pair, head] * per_pair[pair, head]
                for pair in range(first, last):
                    per_pair[pair, head] = weight[pair, head] * (per_pair[pair, head] - mean) * scale

    @compiled
    def collect(per_pair, seen, start, neighbour, asking):
        rows = asking.shape[0]
        for row in range(start.shape[0] - 1):
            own = row % rows
            for pair in range(start[row], start[row + 1]):
                other = neighbour[pair]
                for head in range(heads):
                    low = head * width
                    factor = per_pair[pair, head]
                    for column in range(width):
                        asking[own, low + column] += factor * seen[other, low + column]

    @compiled
    def spread(per_pair, asking, start, neighbour, seen):
        rows = asking.shape[0]
        for row in range(start.shape[0] - 1):
            own = row % rows
            for pair in range(start[row], start[row + 1]):
                other = neighbour[pair]
                for head in range(heads):
                    low = head * width
                    factor = per_pair[pair, head]
                    for column in range(width):
                        seen[other, low + column] += factor * asking[own, low + column]

    return _Kernels(dot, softmax, softmax_slope, collect, spread)


class RaggedAttention(torch.autograd.Function):
    """Projection to queries, keys and values, and attention over lists of neighbours. CPU and float32 only."""

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight_in: Tensor, queries: int, start: Tensor, neighbour: Tensor, heads: int
    ) -> Tensor:
        """Args:
            rows: (R, D), the first ``queries`` of which ask.
            weight_in: (3 D, D), projections to query, key and value.
            queries: Q.
            start: (V Q + 1,) int64; output row ``r`` is query ``r mod Q`` with the neighbours
                ``neighbour[start[r]:start[r + 1]]``, zeros if there are none.
            neighbour: (P,) int64, row numbers.
            heads: number of heads, contiguous slices of D.

        Returns:
            (V Q, D).
        """
        dim = rows.shape[1]
        weight_q, weight_k, weight_v = weight_in.chunk(3)
        query, key, value = product(rows[:queries], weight_q), product(rows, weight_k), product(rows, weight_v)
        out = rows.new_zeros(len(start) - 1, dim)
        weight = rows.new_empty(len(neighbour), heads)
        kernels = _kernels(heads, dim // heads)
        pairs = start.numpy(), neighbour.numpy()
        kernels.dot(query.numpy(), key.numpy(), *pairs, weight.numpy())
        kernels.softmax(pairs[0], _scale(dim, heads), weight.numpy())
        kernels.collect(weight.numpy(), value.numpy(), *pairs, out.numpy())
        ctx.save_for_backward(rows, weight_in, query, key, value, start, neighbour, weight)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight_in, query, key, value, start, neighbour, weight = ctx.saved_tensors
        queries, dim = query.shape
        heads = weight.shape[1]
        slope = torch.empty_like(weight)
        grad_query, grad_key, grad_value = (torch.zeros_like(x) for x in (query, key, value))
        kernels = _kernels(heads, dim // heads)
        pairs = start.numpy(), neighbour.numpy()
        incoming = grad.contiguous().numpy()
        kernels.dot(incoming, value.numpy(), *pairs, slope.numpy())
        kernels.softmax_slope(pairs[0], _scale(dim, heads), weight.numpy(), slope.numpy())
        kernels.spread(weight.numpy(), incoming, *pairs, grad_value.numpy())
        kernels.spread(slope.numpy(), query.numpy(), *pairs, grad_key.numpy())
        kernels.collect(slope.numpy(), key.numpy(), *pairs, grad_query.numpy())

        weight_q, weight_k, weight_v = weight_in.chunk(3)
        grad_rows = product(grad_key, weight_k.T)
        grad_rows += product(grad_value, weight_v.T)
        grad_rows[:queries] += product(grad_query, weight_q.T)
        grad_weight = [
            weight_gradient(grad_query, rows[:queries]),
            weight_gradient(grad_key, rows),
            weight_gradient(grad_value, rows),
        ]
        return grad_rows, torch.cat(grad_weight), None, None, None, None


def _scale(dim: int, heads: int) -> np.float32:
    return np.float32((dim // heads) ** -0.5)
