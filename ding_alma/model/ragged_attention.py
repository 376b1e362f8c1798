"""Attention in which every query has its own short list of neighbours: a compiled CPU kernel with its gradient."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.linear import product


@lru_cache
def _kernels(heads: int, width: int) -> tuple[Callable, Callable]:
    """Forward and backward for one head layout; constant trip counts let the compiler vectorise the inner loops."""
    dim = heads * width
    scale = np.float32(1 / math.sqrt(width))

    @numba.njit(cache=True, fastmath=True, nogil=True)
    def forward(query, key_value, start, neighbour, weight, out):
        queries = query.shape[0]
        for row in range(start.shape[0] - 1):
            asking = row % queries
            first, last = start[row], start[row + 1]
            for column in range(dim):
                out[row, column] = 0
            for head in range(heads):
                low = head * width
                highest = np.float32(-3e38)
                for pair in range(first, last):
                    looked_at = neighbour[pair]
                    score = np.float32(0)
                    for column in range(width):
                        score += query[asking, low + column] * key_value[looked_at, low + column]
                    score *= scale
                    weight[pair, head] = score
                    highest = max(highest, score)
                total = np.float32(0)
                for pair in range(first, last):
                    share = np.exp(weight[pair, head] - highest)
                    weight[pair, head] = share
                    total += share
                for pair in range(first, last):
                    looked_at = neighbour[pair]
                    share = weight[pair, head] / total
                    weight[pair, head] = share
                    for column in range(width):
                        out[row, low + column] += share * key_value[looked_at, dim + low + column]

    @numba.njit(cache=True, fastmath=True, nogil=True)
    def backward(query, key_value, start, neighbour, weight, grad, grad_query, grad_key_value):
        queries = query.shape[0]
        longest = 1
        for row in range(start.shape[0] - 1):
            longest = max(longest, start[row + 1] - start[row])
        grad_weight = np.empty(longest, np.float32)
        for row in range(start.shape[0] - 1):
            asking = row % queries
            first, last = start[row], start[row + 1]
            for head in range(heads):
                low = head * width
                mean = np.float32(0)
                for pair in range(first, last):
                    looked_at = neighbour[pair]
                    share = weight[pair, head]
                    product = np.float32(0)
                    for column in range(width):
                        product += grad[row, low + column] * key_value[looked_at, dim + low + column]
                    for column in range(width):
                        grad_key_value[looked_at, dim + low + column] += share * grad[row, low + column]
                    grad_weight[pair - first] = product
                    mean += share * product
                for pair in range(first, last):
                    looked_at = neighbour[pair]
                    slope = weight[pair, head] * (grad_weight[pair - first] - mean) * scale
                    for column in range(width):
                        grad_query[asking, low + column] += slope * key_value[looked_at, low + column]
                    for column in range(width):
                        grad_key_value[looked_at, low + column] += slope * query[asking, low + column]

    return forward, backward


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
        query = product(rows[:queries], weight_in[:dim])
        key_value = product(rows, weight_in[dim:])
        out = rows.new_empty(len(start) - 1, dim)
        weight = rows.new_empty(len(neighbour), heads)
        forward, _ = _kernels(heads, dim // heads)
        lists = start.numpy(), neighbour.numpy()
        forward(query.numpy(), key_value.numpy(), *lists, weight.numpy(), out.numpy())
        ctx.save_for_backward(rows, weight_in, query, key_value, start, neighbour, weight)
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight_in, query, key_value, start, neighbour, weight = ctx.saved_tensors
        queries, dim = query.shape
        grad_query, grad_key_value = torch.zeros_like(query), torch.zeros_like(key_value)
        _, backward = _kernels(weight.shape[1], dim // weight.shape[1])
        backward(
            query.numpy(), key_value.numpy(), start.numpy(), neighbour.numpy(), weight.numpy(),
            grad.contiguous().numpy(), grad_query.numpy(), grad_key_value.numpy(),
        )  # fmt: skip
        grad_rows = product(grad_key_value, weight_in[dim:].T)
        grad_rows[:queries] += product(grad_query, weight_in[:dim].T)
        grad_weight = torch.cat([product(grad_query.T, rows[:queries].T), product(grad_key_value.T, rows.T)])
        return grad_rows, grad_weight, None, None, None, None
