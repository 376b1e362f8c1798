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
    heads, width = numba.uint64(heads), numba.uint64(width)

    @compiled
    def dot(asking, seen, offset, start, neighbour, per_pair):
        rows = asking.shape[0]
        for row in range(start.shape[0] - 1):
            own = numba.uint64(row % rows)
            for pair in range(start[row], start[row + 1]):
                other = numba.uint64(neighbour[pair])
                for head in range(heads):
                    low = head * width
                    total = np.float32(0)
                    for column in range(width):
                        total += asking[own, low + column] * seen[other, numba.uint64(offset) + low + column]
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
            own = numba.uint64(row % rows)
            for pair in range(start[row], start[row + 1]):
                other = numba.uint64(neighbour[pair])
                for head in range(heads):
                    low = head * width
                    factor = per_pair[pair, head]
                    for column in range(width):
                        asking[own, low + column] += factor * seen[other, numba.uint64(offset) + low + column]

    @compiled
    def spread(per_pair, asking, start, neighbour, seen, offset):
        rows = asking.shape[0]
        for row in range(start.shape[0] - 1):
            own = numba.uint64(row % rows)
            for pair in range(start[row], start[row + 1]):
                other = numba.uint64(neighbour[pair])
                for head in range(heads):
                    low = head * width
                    factor = per_pair[pair, head]
                    for column in range(width):
                        seen[other, numba.uint64(offset) + low + column] += factor * asking[own, low + column]

    return _Kernels(dot, centre, normalise, softmax_slope, collect, spread)


class Attended(NamedTuple):
    """What `attend` makes of rows; arrays share no memory with its arguments."""

    out: np.ndarray
    """(V Q, D), what the queries see."""
    query: np.ndarray
    """(Q, D)."""
    seen: np.ndarray
    """(R, 2 D), keys and values side by side."""
    weight: np.ndarray
    """(P, heads)."""


def attend(rows: Tensor, weight_in: Tensor, heads: int, pairs: Neighbours) -> Attended:
    """Projection to queries, keys and values, and attention, without a graph.

    Args:
        rows: (R, D), the first Q of which ask.
        weight_in: (3 D, D), projections to query, key and value.
        heads: number of heads, contiguous slices of D.
        pairs: who looks at whom.
    """
    dim = rows.shape[1]
    query = product(rows[: pairs.queries], weight_in[:dim]).numpy()
    seen = product(rows, weight_in[dim:]).numpy()
    # Arrays that are made by numpy cost fewer calls than tensors that are shown to it.
    out = np.zeros((len(pairs.start) - 1, dim), np.float32)
    weight = np.empty((len(pairs.row), heads), np.float32)
    kernels = _kernels(heads, dim // heads)
    kernels.dot(query, seen, 0, pairs.start, pairs.row, weight)
    kernels.centre(pairs.start, _scale(dim, heads), weight)
    torch.from_numpy(weight).exp_()
    kernels.normalise(pairs.start, weight)
    kernels.collect(weight, seen, dim, pairs.start, pairs.row, out)
    return Attended(out, query, seen, weight)


def attend_gradients(
    grad: np.ndarray, rows: Tensor, weight_in: Tensor, attended: Attended, pairs: Neighbours
) -> tuple[Tensor, Tensor]:
    """Gradients of `attend` by ``rows`` (R, D) and ``weight_in`` (3 D, D), from that of what is seen (V Q, D)."""
    _, query, seen, weight = attended
    dim, heads = query.shape[1], weight.shape[1]
    slope = np.empty_like(weight)
    grad_query, grad_seen = np.zeros_like(query), np.zeros_like(seen)
    kernels = _kernels(heads, dim // heads)
    lists = pairs.start, pairs.row
    kernels.dot(grad, seen, dim, *lists, slope)
    kernels.softmax_slope(pairs.start, _scale(dim, heads), weight, slope)
    kernels.spread(weight, grad, *lists, grad_seen, dim)
    kernels.spread(slope, query, *lists, grad_seen, 0)
    kernels.collect(slope, seen, 0, *lists, grad_query)
    of_query, of_seen = torch.from_numpy(grad_query), torch.from_numpy(grad_seen)
    grad_rows = product(of_seen, weight_in[dim:].T)
    grad_rows[: pairs.queries] += product(of_query, weight_in[:dim].T)
    grad_weight = [weight_gradient(of_query, rows[: pairs.queries]), weight_gradient(of_seen, rows)]
    return grad_rows, torch.cat(grad_weight)


class RaggedAttention(torch.autograd.Function):
    """`attend` with its gradients. CPU and float32 only."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight_in: Tensor, heads: int, pairs: Neighbours) -> Tensor:
        """Args: as `attend`. Returns (V Q, D)."""
        ctx.attended = attend(rows, weight_in, heads, pairs)
        ctx.pairs = pairs
        ctx.save_for_backward(rows, weight_in)
        return torch.from_numpy(ctx.attended.out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight_in = ctx.saved_tensors
        return *attend_gradients(grad.contiguous().numpy(), rows, weight_in, ctx.attended, ctx.pairs), None, None


def _scale(dim: int, heads: int) -> np.float32:
    return np.float32((dim // heads) ** -0.5)
