"""Compiled loops of `ragged_attention`, chunk by chunk, so that what is in between stays in a core's own cache."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np

from ding_alma.model.vectors import add_multiple_of, dot_of


class AttentionKernels(NamedTuple):
    """Attention of one head layout; arguments as in `Neighbours` and `Attended`."""

    attend: Callable
    """(rows, weight_in, queries, chunk, start, neighbour, out, query, seen, weight): fills the last four; ``out`` must
    be zero."""
    gradients: Callable
    """(grad, rows, weight_in, queries, chunk, start, neighbour, query, seen, weight, by_rows, by_weight): fills the
    last two, which must be zero."""


_compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")


@_compiled
def exponentials(x):
    """``exp(x)`` of an array (n,) float32 of numbers up to 0, in place, with a relative error of about 2e-7 (1 - x).

    The library's function takes one number at a time; this polynomial takes eight.
    """
    bits = np.empty(x.shape[0], np.int32)
    for i in range(x.shape[0]):
        power = max(x[i] * np.float32(1.4426950408889634), np.float32(-126))
        whole = np.floor(power + np.float32(0.5))
        part = (power - whole) * np.float32(0.6931471805599453)
        value = np.float32(1 / 720)
        value = value * part + np.float32(1 / 120)
        value = value * part + np.float32(1 / 24)
        value = value * part + np.float32(1 / 6)
        value = value * part + np.float32(0.5)
        value = value * part + np.float32(1)
        x[i] = value * part + np.float32(1)
        bits[i] = (np.int32(whole) + np.int32(127)) << np.int32(23)
    scale = bits.view(np.float32)
    for i in range(x.shape[0]):
        x[i] *= scale[i]


@lru_cache
def attention_kernels(heads: int, width: int) -> AttentionKernels:
    """The loops for one head layout."""
    dim = heads * width
    scale = np.float32(width**-0.5)
    inner, add = dot_of(width), add_multiple_of(width)

    @_compiled
    def dot(asking, own_of, seen, shift, start, neighbour, first, last, per_pair):
        """per_pair = asking . seen for the rows ``first`` to ``last``, whose own are ``row - own_of``."""
        for row in range(first, last):
            own = (row - own_of) * dim
            for pair in range(start[row], start[row + 1]):
                other = neighbour[pair] * 2 * dim + shift
                for head in range(heads):
                    per_pair[pair, head] = inner(asking, own + head * width, seen, other + head * width)

    @_compiled
    def centre(start, first, last, per_pair):
        for row in range(first, last):
            for head in range(heads):
                highest = np.float32(-3e38)
                for pair in range(start[row], start[row + 1]):
                    highest = max(highest, per_pair[pair, head])
                for pair in range(start[row], start[row + 1]):
                    per_pair[pair, head] = (per_pair[pair, head] - highest) * scale

    @_compiled
    def normalise(start, first, last, per_pair):
        for row in range(first, last):
            for head in range(heads):
                total = np.float32(0)
                for pair in range(start[row], start[row + 1]):
                    total += per_pair[pair, head]
                for pair in range(start[row], start[row + 1]):
                    per_pair[pair, head] /= total

    @_compiled
    def softmax_slope(start, first, last, weight, per_pair, slope):
        """Gradient by the weights, ``per_pair``, to gradient by the scores, ``slope``."""
        for row in range(first, last):
            for head in range(heads):
                mean = np.float32(0)
                for pair in range(start[row], start[row + 1]):
                    mean += weight[pair, head] * per_pair[pair, head]
                for pair in range(start[row], start[row + 1]):
                    slope[pair, head] = weight[pair, head] * (per_pair[pair, head] - mean) * scale

    @_compiled
    def collect(per_pair, seen, shift, start, neighbour, first, last, own_of, asking):
        """asking += per_pair * seen."""
        for row in range(first, last):
            own = (row - own_of) * dim
            for pair in range(start[row], start[row + 1]):
                other = neighbour[pair] * 2 * dim + shift
                for head in range(heads):
                    add(asking, own + head * width, per_pair[pair, head], seen, other + head * width)

    @_compiled
    def spread(per_pair, asking, own_of, start, neighbour, first, last, other_of, seen, shift):
        """seen += per_pair * asking."""
        for row in range(first, last):
            own = (row - own_of) * dim
            for pair in range(start[row], start[row + 1]):
                other = (neighbour[pair] - other_of) * 2 * dim + shift
                for head in range(heads):
                    add(seen, other + head * width, per_pair[pair, head], asking, own + head * width)

    @_compiled
    def attend(rows, weight_in, queries, chunk, start, neighbour, out, query, seen, weight):
        to_query, to_seen = weight_in[:dim].T, weight_in[dim:].T
        views = (start.shape[0] - 1) // max(queries, 1)
        for part in range(chunk.shape[0] - 1):
            row, low = chunk[part]
            row_end, high = chunk[part + 1]
            np.dot(rows[row : row + high - low], to_query, query[low:high])
            np.dot(rows[row:row_end], to_seen, seen[row:row_end])
            for view in range(views):
                before = view * queries
                first, last = before + low, before + high
                dot(query, before, seen, 0, start, neighbour, first, last, weight)
                centre(start, first, last, weight)
                exponentials(weight[start[first] : start[last]].ravel())
                normalise(start, first, last, weight)
                collect(weight, seen, dim, start, neighbour, first, last, 0, out)

    @_compiled
    def gradients(grad, rows, weight_in, queries, chunk, start, neighbour, query, seen, weight, by_rows, by_weight):
        from_query, from_seen = weight_in[:dim], weight_in[dim:]
        views = (start.shape[0] - 1) // max(queries, 1)
        most = np.int64(0)
        for part in range(chunk.shape[0] - 1):
            most = max(most, chunk[part + 1, 0] - chunk[part, 0])
        by_query, by_seen = np.empty((most, dim), np.float32), np.empty((most, 2 * dim), np.float32)
        by_own = np.empty((most, dim), np.float32)
        of_query, of_seen = np.empty((dim, dim), np.float32), np.empty((2 * dim, dim), np.float32)
        slope, of_weight = np.empty_like(weight), np.empty_like(weight)
        for part in range(chunk.shape[0] - 1):
            row, low = chunk[part]
            row_end, high = chunk[part + 1]
            asking, looked_at = high - low, row_end - row
            by_query[:asking] = 0
            by_seen[:looked_at] = 0
            for view in range(views):
                before = view * queries
                first, last = before + low, before + high
                dot(grad, 0, seen, dim, start, neighbour, first, last, of_weight)
                softmax_slope(start, first, last, weight, of_weight, slope)
                spread(weight, grad, 0, start, neighbour, first, last, row, by_seen, dim)
                spread(slope, query, before, start, neighbour, first, last, row, by_seen, 0)
                collect(slope, seen, 0, start, neighbour, first, last, before + low, by_query)
            np.dot(by_seen[:looked_at], from_seen, by_rows[row:row_end])
            np.dot(by_query[:asking], from_query, by_own[:asking])
            by_rows[row : row + asking] += by_own[:asking]
            np.dot(by_query[:asking].T, rows[row : row + asking], of_query)
            np.dot(by_seen[:looked_at].T, rows[row:row_end], of_seen)
            by_weight[:dim] += of_query
            by_weight[dim:] += of_seen

    return AttentionKernels(attend, gradients)
