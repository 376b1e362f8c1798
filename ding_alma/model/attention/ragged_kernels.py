"""Compiled loops of `ragged_attention`, chunk by chunk, so that what is in between stays in a core's own cache."""

import numba
import numpy as np

from ding_alma.model.attention.vectors import add_multiple_of, dot_of

_compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
# Functions of the module and no closures: numba would compile those anew in every process.
_dot_1, _dot_8, _dot_16 = dot_of(1), dot_of(8), dot_of(16)
_add_1, _add_8, _add_16 = add_multiple_of(1), add_multiple_of(8), add_multiple_of(16)


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


@_compiled
def _inner(x, i, y, j, width):
    """Sum of ``x[i + c] * y[j + c]`` over ``c < width``, by flat indices."""
    total = np.float32(0)
    column = 0
    while column + 16 <= width:
        total += _dot_16(x, i + column, y, j + column)
        column += 16
    if column + 8 <= width:
        total += _dot_8(x, i + column, y, j + column)
        column += 8
    while column < width:
        total += _dot_1(x, i + column, y, j + column)
        column += 1
    return total


@_compiled
def _add(x, i, factor, y, j, width):
    """Add ``factor * y[j + c]`` to ``x[i + c]`` for ``c < width``, by flat indices."""
    column = 0
    while column + 16 <= width:
        _add_16(x, i + column, factor, y, j + column)
        column += 16
    if column + 8 <= width:
        _add_8(x, i + column, factor, y, j + column)
        column += 8
    while column < width:
        _add_1(x, i + column, factor, y, j + column)
        column += 1


@_compiled
def _dot(asking, own_of, seen, shift, start, neighbour, first, last, per_pair):
    """per_pair (P, heads) = asking . seen for the rows ``first`` to ``last``, whose own are ``row - own_of``."""
    dim, heads = asking.shape[1], per_pair.shape[1]
    width = dim // heads
    for row in range(first, last):
        own = (row - own_of) * dim
        for pair in range(start[row], start[row + 1]):
            other = neighbour[pair] * 2 * dim + shift
            for head in range(heads):
                per_pair[pair, head] = _inner(asking, own + head * width, seen, other + head * width, width)


@_compiled
def _centre(start, first, last, scale, per_pair):
    for row in range(first, last):
        for head in range(per_pair.shape[1]):
            highest = np.float32(-3e38)
            for pair in range(start[row], start[row + 1]):
                highest = max(highest, per_pair[pair, head])
            for pair in range(start[row], start[row + 1]):
                per_pair[pair, head] = (per_pair[pair, head] - highest) * scale


@_compiled
def _normalise(start, first, last, per_pair):
    for row in range(first, last):
        for head in range(per_pair.shape[1]):
            total = np.float32(0)
            for pair in range(start[row], start[row + 1]):
                total += per_pair[pair, head]
            for pair in range(start[row], start[row + 1]):
                per_pair[pair, head] /= total


@_compiled
def _softmax_slope(start, first, last, scale, weight, per_pair, slope):
    """Gradient by the weights, ``per_pair``, to gradient by the scores, ``slope``."""
    for row in range(first, last):
        for head in range(weight.shape[1]):
            mean = np.float32(0)
            for pair in range(start[row], start[row + 1]):
                mean += weight[pair, head] * per_pair[pair, head]
            for pair in range(start[row], start[row + 1]):
                slope[pair, head] = weight[pair, head] * (per_pair[pair, head] - mean) * scale


@_compiled
def _collect(per_pair, seen, shift, start, neighbour, first, last, own_of, asking):
    """asking += per_pair * seen."""
    dim, heads = asking.shape[1], per_pair.shape[1]
    width = dim // heads
    for row in range(first, last):
        own = (row - own_of) * dim
        for pair in range(start[row], start[row + 1]):
            other = neighbour[pair] * 2 * dim + shift
            for head in range(heads):
                _add(asking, own + head * width, per_pair[pair, head], seen, other + head * width, width)


@_compiled
def _spread(per_pair, asking, own_of, start, neighbour, first, last, other_of, seen, shift):
    """seen += per_pair * asking."""
    dim, heads = asking.shape[1], per_pair.shape[1]
    width = dim // heads
    for row in range(first, last):
        own = (row - own_of) * dim
        for pair in range(start[row], start[row + 1]):
            other = (neighbour[pair] - other_of) * 2 * dim + shift
            for head in range(heads):
                _add(seen, other + head * width, per_pair[pair, head], asking, own + head * width, width)


@_compiled
def attend(rows, weight_in, queries, chunk, start, neighbour, out, query, seen, weight):
    """Fill the last three and add what is seen to ``out``; arguments as in `Neighbours` and `Attended`."""
    dim = rows.shape[1]
    scale = np.float32((dim // weight.shape[1]) ** -0.5)
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
            _dot(query, before, seen, 0, start, neighbour, first, last, weight)
            _centre(start, first, last, scale, weight)
            exponentials(weight[start[first] : start[last]].ravel())
            _normalise(start, first, last, weight)
            _collect(weight, seen, dim, start, neighbour, first, last, 0, out)


@_compiled
def gradients(grad, rows, weight_in, queries, chunk, start, neighbour, query, seen, weight, by_rows, by_weight):
    """Add the gradients by ``rows`` and ``weight_in`` to the last two, from that of what is seen."""
    dim = rows.shape[1]
    scale = np.float32((dim // weight.shape[1]) ** -0.5)
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
            _dot(grad, 0, seen, dim, start, neighbour, first, last, of_weight)
            _softmax_slope(start, first, last, scale, weight, of_weight, slope)
            _spread(weight, grad, 0, start, neighbour, first, last, row, by_seen, dim)
            _spread(slope, query, before, start, neighbour, first, last, row, by_seen, 0)
            _collect(slope, seen, 0, start, neighbour, first, last, before + low, by_query)
        np.dot(by_seen[:looked_at], from_seen, by_rows[row:row_end])
        np.dot(by_query[:asking], from_query, by_own[:asking])
        by_rows[row : row + asking] += by_own[:asking]
        np.dot(by_query[:asking].T, rows[row : row + asking], of_query)
        np.dot(by_seen[:looked_at].T, rows[row:row_end], of_seen)
        by_weight[:dim] += of_query
        by_weight[dim:] += of_seen
