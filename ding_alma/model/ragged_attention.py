"""Attention in which every query has its own short list of neighbours: a compiled CPU kernel with its gradient."""

import math
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor


@numba.njit(cache=True, fastmath=True, nogil=True)
def _forward(query, key_value, start, neighbour, heads, weight, out):
    groups, queries, dim = query.shape
    width = dim // heads
    scale = np.float32(1.0 / math.sqrt(width))
    for group in range(groups):
        for row in range(start.shape[0] - 1):
            asking = query[group, row % queries]
            result = out[group, row]
            result[:] = 0.0
            first, last = start[row], start[row + 1]
            for head in range(heads):
                low, high = head * width, (head + 1) * width
                highest = np.float32(-np.inf)
                for pair in range(first, last):
                    key = key_value[group, neighbour[pair]]
                    score = np.float32(0.0)
                    for column in range(low, high):
                        score += asking[column] * key[column]
                    score *= scale
                    weight[group, pair, head] = score
                    highest = max(highest, score)
                total = np.float32(0.0)
                for pair in range(first, last):
                    share = np.exp(weight[group, pair, head] - highest)
                    weight[group, pair, head] = share
                    total += share
                for pair in range(first, last):
                    share = weight[group, pair, head] / total
                    weight[group, pair, head] = share
                    value = key_value[group, neighbour[pair], dim:]
                    for column in range(low, high):
                        result[column] += share * value[column]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _backward(query, key_value, start, neighbour, heads, weight, grad, grad_query, grad_key_value):
    groups, queries, dim = query.shape
    width = dim // heads
    scale = np.float32(1.0 / math.sqrt(width))
    longest = 1
    for row in range(start.shape[0] - 1):
        longest = max(longest, start[row + 1] - start[row])
    grad_weight = np.empty(longest, np.float32)
    for group in range(groups):
        for row in range(start.shape[0] - 1):
            asking = query[group, row % queries]
            grad_asking = grad_query[group, row % queries]
            incoming = grad[group, row]
            first, last = start[row], start[row + 1]
            for head in range(heads):
                low, high = head * width, (head + 1) * width
                mean = np.float32(0.0)
                for pair in range(first, last):
                    share = weight[group, pair, head]
                    value = key_value[group, neighbour[pair], dim:]
                    grad_value = grad_key_value[group, neighbour[pair], dim:]
                    product = np.float32(0.0)
                    for column in range(low, high):
                        product += incoming[column] * value[column]
                        grad_value[column] += share * incoming[column]
                    grad_weight[pair - first] = product
                    mean += share * product
                for pair in range(first, last):
                    slope = weight[group, pair, head] * (grad_weight[pair - first] - mean) * scale
                    key = key_value[group, neighbour[pair]]
                    grad_key = grad_key_value[group, neighbour[pair]]
                    for column in range(low, high):
                        grad_asking[column] += slope * key[column]
                        grad_key[column] += slope * asking[column]


class RaggedAttention(torch.autograd.Function):
    """Scaled dot-product attention over lists of neighbours, for G networks at once.

    A query without neighbours gets zeros. CPU and float32 only.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key_value: Tensor, start: Tensor, neighbour: Tensor, heads: int) -> Tensor:
        """Args:
            query: (G, Q, D).
            key_value: (G, R, 2 D), keys then values.
            start: (V Q + 1,) int64; output row ``r`` is query ``r mod Q`` with the neighbours
                ``neighbour[start[r]:start[r + 1]]``.
            neighbour: (P,) int64, row of ``key_value``.
            heads: number of heads, contiguous slices of D.

        Returns:
            (G, V Q, D).
        """
        query, key_value = query.contiguous(), key_value.contiguous()
        groups, _, dim = query.shape
        out = query.new_empty(groups, len(start) - 1, dim)
        weight = query.new_empty(groups, len(neighbour), heads)
        _forward(
            query.detach().numpy(), key_value.detach().numpy(), start.numpy(), neighbour.numpy(), heads,
            weight.numpy(), out.numpy(),
        )  # fmt: skip
        ctx.save_for_backward(query, key_value, start, neighbour, weight)
        ctx.heads = heads
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        query, key_value, start, neighbour, weight = ctx.saved_tensors
        grad_query, grad_key_value = torch.zeros_like(query), torch.zeros_like(key_value)
        _backward(
            query.detach().numpy(), key_value.detach().numpy(), start.numpy(), neighbour.numpy(), ctx.heads,
            weight.numpy(), grad.contiguous().numpy(), grad_query.numpy(), grad_key_value.numpy(),
        )  # fmt: skip
        return grad_query, grad_key_value, None, None, None
