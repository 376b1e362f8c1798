"""Compiled loops of `ragged_attention`, chunk by chunk, so that what is in between stays in a core's own cache."""

import numba
import numpy as np

from ding_alma.model.attention.vectors import add_dots, add_per_head, change_per_head

_compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
# Functions of the module and no closures: numba would compile those anew in every process. Four heads of these widths
# are what all settings have; other networks take a head at a time, in pieces of eight numbers.
_dots_4x8, _dots_4x16, _dots_4x32 = add_dots(4, 8), add_dots(4, 16), add_dots(4, 32)
_add_4x8, _add_4x16, _add_4x32 = add_per_head(4, 8), add_per_head(4, 16), add_per_head(4, 32)
_dots_1x8, _add_1x8, _add_4x1 = add_dots(1, 8), add_per_head(1, 8), add_per_head(4, 1)
_raise_4, _multiply_4 = change_per_head(4, "max"), change_per_head(4, "mul")


@_compiled
def exponentials(x, scale):
    """``exp(scale x)`` of an array (n,) float32 of numbers up to 0, in place.

    The relative error is about ``2e-7 (1 - scale x)``. The library's function takes one number at a time; this
    polynomial takes eight.
    """
    to_power = scale * np.float32(1.4426950408889634)
    bits = np.empty(x.shape[0], np.int32)
    for i in range(x.shape[0]):
        power = max(x[i] * to_power, np.float32(-126))
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
    powers = bits.view(np.float32)
    for i in range(x.shape[0]):
        x[i] *= powers[i]


@_compiled
def _add_dots(x, i, y, j, heads, width, out, k):
    """Add ``sum_c x[i + h width + c] * y[j + h width + c]`` to ``out[k + h]``, by flat indices."""
    if heads == 4 and width == 8:
        _dots_4x8(x, i, y, j, out, k)
    elif heads == 4 and width == 16:
        _dots_4x16(x, i, y, j, out, k)
    elif heads == 4 and width == 32:
        _dots_4x32(x, i, y, j, out, k)
    else:
        for head in range(heads):
            column, end = head * width, (head + 1) * width
            while column + 8 <= end:
                _dots_1x8(x, i + column, y, j + column, out, k + head)
                column += 8
            while column < end:
                out[k + head] += x[i + column] * y[j + column]
                column += 1


@_compiled
def _add(x, i, factor, k, y, j, heads, width):
    """Add ``factor[k + h] * y[j + h width + c]`` to ``x[i + h width + c]``, by flat indices."""
    if heads == 4 and width == 1:
        _add_4x1(x, i, factor, k, y, j)
    elif heads == 4 and width == 8:
        _add_4x8(x, i, factor, k, y, j)
    elif heads == 4 and width == 16:
        _add_4x16(x, i, factor, k, y, j)
    elif heads == 4 and width == 32:
        _add_4x32(x, i, factor, k, y, j)
    else:
        for head in range(heads):
            column, end = head * width, (head + 1) * width
            while column + 8 <= end:
                _add_1x8(x, i + column, factor, k + head, y, j + column)
                column += 8
            while column < end:
                x[i + column] += factor[k + head] * y[j + column]
                column += 1


@_compiled
def _raise(x, i, y, j, heads):
    """``x[i + h]`` becomes ``y[j + h]`` where that is larger."""
    if heads == 4:
        _raise_4(x, i, y, j)
    else:
        for head in range(heads):
            x[i + head] = max(x[i + head], y[j + head])


@_compiled
def _multiply(x, i, y, j, heads):
    """``x[i + h] *= y[j + h]``."""
    if heads == 4:
        _multiply_4(x, i, y, j)
    else:
        for head in range(heads):
            x[i + head] *= y[j + head]


@_compiled
def _dot(asking, own_of, seen, shift, start, neighbour, first, last, per_pair):
    """per_pair (P, heads) = asking . seen for the rows ``first`` to ``last``, whose own are ``row - own_of``."""
    dim, heads = asking.shape[1], per_pair.shape[1]
    x, y, out = asking.ravel(), seen.ravel(), per_pair.ravel()
    out[start[first] * heads : start[last] * heads] = 0
    for row in range(first, last):
        own = (row - own_of) * dim
        for pair in range(start[row], start[row + 1]):
            other = neighbour[pair] * 2 * dim + shift
            _add_dots(x, own, y, other, heads, dim // heads, out, pair * heads)


@_compiled
def _softmax(start, first, last, scale, per_pair):
    """Scores to weights, in place."""
    heads, x = per_pair.shape[1], per_pair.ravel()
    one, minus = np.full(heads, 1, np.float32), np.full(heads, -1, np.float32)
    of_row = np.empty(heads, np.float32)
    for row in range(first, last):
        of_row[:] = -3e38
        for pair in range(start[row], start[row + 1]):
            _raise(of_row, 0, x, pair * heads, heads)
        for pair in range(start[row], start[row + 1]):
            _add(x, pair * heads, minus, 0, of_row, 0, heads, 1)
    exponentials(x[start[first] * heads : start[last] * heads], scale)
    for row in range(first, last):
        of_row[:] = 0
        for pair in range(start[row], start[row + 1]):
            _add(of_row, 0, one, 0, x, pair * heads, heads, 1)
        for head in range(heads):
            of_row[head] = 1 / of_row[head]
        for pair in range(start[row], start[row + 1]):
            _multiply(x, pair * heads, of_row, 0, heads)


@_compiled
def _softmax_slope(start, first, last, scale, weight, per_pair):
    """Gradient by the weights, ``per_pair``, to gradient by the scores, in place."""
    heads, x, y = weight.shape[1], per_pair.ravel(), weight.ravel()
    minus, mean = np.full(heads, -1, np.float32), np.empty(heads, np.float32)
    for row in range(first, last):
        mean[:] = 0
        for pair in range(start[row], start[row + 1]):
            _add(mean, 0, y, pair * heads, x, pair * heads, heads, 1)
        for pair in range(start[row], start[row + 1]):
            _add(x, pair * heads, minus, 0, mean, 0, heads, 1)
            _multiply(x, pair * heads, y, pair * heads, heads)
    for k in range(start[first] * heads, start[last] * heads):
        x[k] *= scale


@_compiled
def _collect(per_pair, seen, shift, start, neighbour, first, last, own_of, asking):
    """asking += per_pair * seen."""
    dim, heads = asking.shape[1], per_pair.shape[1]
    x, y, factor = asking.ravel(), seen.ravel(), per_pair.ravel()
    for row in range(first, last):
        own = (row - own_of) * dim
        for pair in range(start[row], start[row + 1]):
            other = neighbour[pair] * 2 * dim + shift
            _add(x, own, factor, pair * heads, y, other, heads, dim // heads)


@_compiled
def _spread(per_pair, asking, own_of, start, neighbour, first, last, other_of, seen, shift):
    """seen += per_pair * asking."""
    dim, heads = asking.shape[1], per_pair.shape[1]
    x, y, factor = asking.ravel(), seen.ravel(), per_pair.ravel()
    for row in range(first, last):
        own = (row - own_of) * dim
        for pair in range(start[row], start[row + 1]):
            other = (neighbour[pair] - other_of) * 2 * dim + shift
            _add(y, other, factor, pair * heads, x, own, heads, dim // heads)


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
            _softmax(start, first, last, scale, weight)
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
    slope = np.empty_like(weight)
    for part in range(chunk.shape[0] - 1):
        row, low = chunk[part]
        row_end, high = chunk[part + 1]
        asking, looked_at = high - low, row_end - row
        by_query[:asking] = 0
        by_seen[:looked_at] = 0
        for view in range(views):
            before = view * queries
            first, last = before + low, before + high
            _dot(grad, 0, seen, dim, start, neighbour, first, last, slope)
            _softmax_slope(start, first, last, scale, weight, slope)
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
