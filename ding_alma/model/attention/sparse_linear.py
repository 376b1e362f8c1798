"""The first layer of several networks at once, on rows that are mostly zero: compiled CPU kernels."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np


class SparseKernels(NamedTuple):
    """Loops over R chosen rows of `SparseRows` for S networks of width W; ``weight`` and ``gradient`` (I, S W)."""

    encode: Callable
    """(rows, start, column, value, weight, bias, floor, out): out (S, R, W) = rows weight + bias, bias (S W,), but
    nothing below ``floor``."""
    weight_gradient: Callable
    """(rows, start, column, value, slope, gradient): gradient += rows^T slope, slope (S, R, W)."""


@lru_cache
def sparse_kernels(networks: int, width: int) -> SparseKernels:
    """The loops for S networks of one width.

    Networks lie side by side, because the compiler vectorises one long loop with a constant trip count best; an
    accumulator of its own tells it that nothing overlaps.
    """
    compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")
    total = networks * width

    @compiled
    def encode(rows, start, column, value, weight, bias, floor, out):
        sums = np.empty(total, np.float32)
        for row in range(rows.shape[0]):
            for unit in range(total):
                sums[unit] = bias[unit]
            entry, last = start[rows[row]], start[rows[row] + 1]
            # Four entries per pass: otherwise the sums are read and written once per entry.
            while entry + 4 <= last:
                a, b, c, d = column[entry], column[entry + 1], column[entry + 2], column[entry + 3]
                p, q, r, s = value[entry], value[entry + 1], value[entry + 2], value[entry + 3]
                for unit in range(total):
                    sums[unit] += p * weight[a, unit] + q * weight[b, unit] + r * weight[c, unit] + s * weight[d, unit]
                entry += 4
            while entry < last:
                a, p = column[entry], value[entry]
                for unit in range(total):
                    sums[unit] += p * weight[a, unit]
                entry += 1
            for network in range(networks):
                for unit in range(width):
                    out[network, row, unit] = max(sums[network * width + unit], floor)

    @compiled
    def weight_gradient(rows, start, column, value, slope, gradient):
        own = np.empty(total, np.float32)
        for row in range(rows.shape[0]):
            for network in range(networks):
                for unit in range(width):
                    own[network * width + unit] = slope[network, row, unit]
            for entry in range(start[rows[row]], start[rows[row] + 1]):
                a, p = column[entry], value[entry]
                for unit in range(total):
                    gradient[a, unit] += p * own[unit]

    return SparseKernels(encode, weight_gradient)
