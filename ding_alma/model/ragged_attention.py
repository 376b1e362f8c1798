"""Attention in which every query has its own short list of neighbours: compiled CPU kernels with their gradient."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.linear import product, weight_gradient


class Neighbours(NamedTuple):
    """Lists of the rows that V Q asking rows look at; output row ``r`` is that of query ``r mod Q``."""

    queries: int
    """Q; the first Q rows ask."""
    start: np.ndarray
    """(V Q + 1,) int64; row ``r`` looks at ``row[start[r]:start[r + 1]]``, at nothing if that is empty."""
    row: np.ndarray
    """(P,) int64."""


class _Kernels(NamedTuple):
    """Loops over pairs of an asking row and a row that it looks at.

    ``start`` and ``neighbour`` list the pairs as in `Neighbours`; ``per_pair`` is (P, heads), one number per pair and
    head. ``seen`` holds keys and values side by side, (R, 2 D); ``offset`` is 0 for keys and D for values.
    """

    dot: Callable
    """(asking, seen, offset, start, neighbour, per_pair): per_pair = asking . seen."""
    centre: Callable
    """(start, scale, per_pair): subtracts each row's largest score and scales, in place."""
    normalise: Callable
    """(start, per_pair): divides by each row's sum, in place."""
    softmax_slope: Callable
    """(start, scale, weight, per_pair): gradient by the weights to gradient by the scores, in place."""
    collect: Callable
    """(per_pair, seen, offset, start, neighbour, asking): asking += per_pair * seen."""
    spread: Callable
    """(per_pair, asking, start, neighbour, seen, offset): seen += per_pair * asking."""


@lru_cache
def _kernels(heads: int, width: int) -> _Kernels:
    """The loops for one head layout.

    Constant trip counts and one statement per innermost loop let the compiler vectorise; fused into one function, the
    same arithmetic takes two to three times as long.
    """
    compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")

    @compiled
    def dot(asking, seen, offset, start, neighbour, per_pair):
        rows = asking.shape[0]
        for row in range(start.shape[0] - 1):
            own = row % rows
            for pair in range(start[row], start[row + 1]):
                other = neighbour[pair]
                for head in range(heads):
                    low = head * width
                    total = np.float32(0)
                    for column in range(width):
                        total += asking[own, low + column] * seen[other, offset + low + column]
                    per_pair[pair, head] = total

    @compiled
    def centre(start, scale, per_pair):
        for row in range(start.shape[0] - 1):
            first, last = start[row], start[row + 1]
            for head in range(heads):
                highest = np.float32(-3e38)
                for pair in range(first, last):
                    highest = max(highest, per_pair[pair, head])
                for pair in range(first, last):
                    per_pair[pair, head] = (per_pair[pair, head] - highest) * scale

    @compiled
    def normalise(start, per_pair):
        for row in range(start.shape[0] - 1):
            first, last = start[row], start[row + 1]
            for head in range(heads):
                total = np.float32(0)
                for pair in range(first, last):
                    total += per_pair[pair, head]
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
    def collect(per_pair, seen, offset, start, neighbour, asking):
        rows = asking.shape[0]
        for row in range(start.shape[0] - 1):
            own = row % rows
            for pair in range(start[row], start[row + 1]):
                other = neighbour[pair]
                for head in range(heads):
                    low = head * width
                    factor = per_pair[pair, head]
                    for column in range(width):
                        asking[own, low + column] += factor * seen[other, offset + low + column]

    @compiled
    def spread(per_pair, asking, start, neighbour, seen, offset):
        rows = asking.shape[0]
        for row in range(start.shape[0] - 1):
            own = row % rows
            for pair in range(start[row], start[row + 1]):
                other = neighbour[pair]
                for head in range(heads):
                    low = head * width
                    factor = per_pair[pair, head]
                    for column in range(width):
                        seen[other, offset + low + column] += factor * asking[own, low + column]

    return _Kernels(dot, centre, normalise, softmax_slope, collect, spread)


def attend(rows: Tensor, weight_in: Tensor, heads: int, pairs: Neighbours) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Projection to queries, keys and values, and attention, without a graph.

    Args:
        rows: (R, D), the first Q of which ask.
        weight_in: (3 D, D), projections to query, key and value.
        heads: number of heads, contiguous slices of D.
        pairs: who looks at whom.

    Returns:
        What the queries see (V Q, D), and what `attend_gradients` needs: queries (Q, D), keys and values (R, 2 D),
        weights (P, heads).
    """
    dim = rows.shape[1]
    query, seen = product(rows[: pairs.queries], weight_in[:dim]), product(rows, weight_in[dim:])
    out = torch.zeros(len(pairs.start) - 1, dim)
    weight = torch.empty(len(pairs.row), heads)
    kernels = _kernels(heads, dim // heads)
    kernels.dot(query.numpy(), seen.numpy(), 0, pairs.start, pairs.row, weight.numpy())
    kernels.centre(pairs.start, _scale(dim, heads), weight.numpy())
    kernels.normalise(pairs.start, weight.exp_().numpy())
    kernels.collect(weight.numpy(), seen.numpy(), dim, pairs.start, pairs.row, out.numpy())
    return out, query, seen, weight


def attend_gradients(
    grad: Tensor, rows: Tensor, weight_in: Tensor, query: Tensor, seen: Tensor, weight: Tensor, pairs: Neighbours
) -> tuple[Tensor, Tensor]:
    """Gradients of `attend` by ``rows`` (R, D) and ``weight_in`` (3 D, D), from that of its first result (V Q, D)."""
    dim, heads = query.shape[1], weight.shape[1]
    slope = torch.empty_like(weight)
    grad_query, grad_seen = torch.zeros_like(query), torch.zeros_like(seen)
    kernels = _kernels(heads, dim // heads)
    lists = pairs.start, pairs.row
    incoming = grad.contiguous().numpy()
    kernels.dot(incoming, seen.numpy(), dim, *lists, slope.numpy())
    kernels.softmax_slope(pairs.start, _scale(dim, heads), weight.numpy(), slope.numpy())
    kernels.spread(weight.numpy(), incoming, *lists, grad_seen.numpy(), dim)
    kernels.spread(slope.numpy(), query.numpy(), *lists, grad_seen.numpy(), 0)
    kernels.collect(slope.numpy(), seen.numpy(), 0, *lists, grad_query.numpy())
    grad_rows = product(grad_seen, weight_in[dim:].T)
    grad_rows[: pairs.queries] += product(grad_query, weight_in[:dim].T)
    grad_weight = [weight_gradient(grad_query, rows[: pairs.queries]), weight_gradient(grad_seen, rows)]
    return grad_rows, torch.cat(grad_weight)


class RaggedAttention(torch.autograd.Function):
    """`attend` with its gradients. CPU and float32 only."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight_in: Tensor, heads: int, pairs: Neighbours) -> Tensor:
        """Args: as `attend`. Returns (V Q, D)."""
        out, *kept = attend(rows, weight_in, heads, pairs)
        ctx.save_for_backward(rows, weight_in, *kept)
        ctx.pairs = pairs
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *attend_gradients(grad, *ctx.saved_tensors, ctx.pairs), None, None


def _scale(dim: int, heads: int) -> np.float32:
    return np.float32((dim // heads) ** -0.5)
