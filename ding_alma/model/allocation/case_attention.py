"""Attention in which many rows share few distinct queries, keys and values; without gradient."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor


def attend_cases(query: Tensor, key_value: Tensor, place: Tensor, exists: Tensor, agents: int, heads: int) -> Tensor:
    """Every existing agent of a row attends to the row's existing entities, on a CPU.

    Nothing is gathered: compiled loops look the cases up.

    Args:
        query: (Q, D) of the distinct agent cases.
        key_value: (R, 2 D) of all distinct cases, keys then values.
        place: (N, E) int64, row of ``key_value`` of each entity; of the first ``agents`` also that of ``query``.
        exists: (N, E) bool.

    Returns:
        (M, D) float32, the existing agents only, in the order of ``exists[:, :agents].nonzero()``.
    """
    row, agent = exists[:, :agents].nonzero(as_tuple=True)
    dim = query.shape[1]
    loops = _loops(heads, dim // heads)
    weight = np.empty((len(row), place.shape[1], heads), np.float32)
    mixed = query.new_zeros(len(row), dim)
    pairs = row.numpy(), place.numpy(), exists.numpy()
    values = key_value.numpy()
    loops.score(query.contiguous().numpy(), agent.numpy(), values, *pairs, weight)
    loops.centre(pairs[0], pairs[2], np.float32(1 / math.sqrt(dim // heads)), weight)
    # PyTorch's exponential is ten times as fast as the compiler's.
    torch.from_numpy(weight).exp_()
    loops.normalise(pairs[0], pairs[2], weight)
    loops.collect(weight, values, *pairs, mixed.numpy())
    return mixed


class _Loops(NamedTuple):
    """Loops over M asking agents, ``row`` (M,) theirs, and their row's existing entities; weight (M, E, heads)."""

    score: Callable
    """(query, agent, key_value, row, place, exists, weight): weight = query . key."""
    centre: Callable
    """(row, exists, scale, weight): scaled, less the largest, in place; zero where nothing exists."""
    normalise: Callable
    """(row, exists, weight): divided by the sum, in place."""
    collect: Callable
    """(weight, key_value, row, place, exists, mixed): mixed += weight * value."""


@lru_cache
def _loops(heads: int, width: int) -> _Loops:
    """The loops for one head layout; constant trip counts and plain innermost loops let the compiler vectorise."""
    dim = heads * width
    compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")

    @compiled
    def score(query, agent, key_value, row, place, exists, weight):
        for m in range(row.shape[0]):
            asking = place[row[m], agent[m]]
            for entity in range(place.shape[1]):
                if exists[row[m], entity]:
                    seen = place[row[m], entity]
                    for head in range(heads):
                        total = np.float32(0)
                        for column in range(head * width, head * width + width):
                            total += query[asking, column] * key_value[seen, column]
                        weight[m, entity, head] = total

    @compiled
    def centre(row, exists, scale, weight):
        for m in range(row.shape[0]):
            for head in range(heads):
                highest = np.float32(-3e38)
                for entity in range(exists.shape[1]):
                    if exists[row[m], entity]:
                        highest = max(highest, weight[m, entity, head])
                for entity in range(exists.shape[1]):
                    if exists[row[m], entity]:
                        weight[m, entity, head] = (weight[m, entity, head] - highest) * scale
                    else:
                        weight[m, entity, head] = 0

    @compiled
    def normalise(row, exists, weight):
        for m in range(row.shape[0]):
            for head in range(heads):
                total = np.float32(0)
                for entity in range(exists.shape[1]):
                    if exists[row[m], entity]:
                        total += weight[m, entity, head]
                for entity in range(exists.shape[1]):
                    weight[m, entity, head] /= total

    @compiled
    def collect(weight, key_value, row, place, exists, mixed):
        for m in range(row.shape[0]):
            for entity in range(place.shape[1]):
                if exists[row[m], entity]:
                    seen = place[row[m], entity]
                    for head in range(heads):
                        factor = weight[m, entity, head]
                        for column in range(head * width, head * width + width):
                            mixed[m, column] += factor * key_value[seen, dim + column]

    return _Loops(score, centre, normalise, collect)
