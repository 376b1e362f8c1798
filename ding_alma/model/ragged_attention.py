"""Attention in which every query has its own short list of neighbours, with its gradient; for CPUs."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ding_alma.model.ragged_kernels import attention_kernels


class Neighbours(NamedTuple):
    """Lists of the rows that V Q asking rows look at.

    Rows come in chunks whose members look at each other only, and which are small enough for a core's own cache; the
    asking rows lead their chunk. Output row ``r`` is that of query ``r mod Q``, queries numbered chunk after chunk.
    """

    queries: int
    """Q, with filling that belongs to no chunk and looks at nothing."""
    chunk: np.ndarray
    """(C + 1, 2) int64, first row and first query of every chunk."""
    start: np.ndarray
    """(V Q + 1,) int64; output row ``r`` looks at ``row[start[r]:start[r + 1]]``, at nothing if that is empty."""
    row: np.ndarray
    """(P,) int64."""


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


def attend(rows: np.ndarray, weight_in: np.ndarray, heads: int, pairs: Neighbours) -> Attended:
    """Projection to queries, keys and values, and attention.

    Args:
        rows: (R, D) float32.
        weight_in: (3 D, D), projections to query, key and value.
        heads: number of heads, contiguous slices of D.
        pairs: who looks at whom.
    """
    dim = rows.shape[1]
    attended = Attended(
        np.zeros((len(pairs.start) - 1, dim), np.float32),
        np.empty((pairs.queries, dim), np.float32),
        np.empty((len(rows), 2 * dim), np.float32),
        np.empty((len(pairs.row), heads), np.float32),
    )
    attention_kernels(heads, dim // heads).attend(rows, weight_in, *pairs, *attended)
    return attended


def attend_gradients(
    grad: np.ndarray, rows: np.ndarray, weight_in: np.ndarray, attended: Attended, pairs: Neighbours
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of `attend` by ``rows`` (R, D) and ``weight_in`` (3 D, D), from that of what is seen (V Q, D)."""
    heads = attended.weight.shape[1]
    by_rows, by_weight = np.zeros_like(rows), np.zeros_like(weight_in)
    kernels = attention_kernels(heads, rows.shape[1] // heads)
    kernels.gradients(grad, rows, weight_in, *pairs, *attended[1:], by_rows, by_weight)
    return by_rows, by_weight


class RaggedAttention(torch.autograd.Function):
    """`attend` with its gradients. CPU and float32 only."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight_in: Tensor, heads: int, pairs: Neighbours) -> Tensor:
        """Args: as `attend`. Returns (V Q, D)."""
        ctx.save_for_backward(rows, weight_in)
        ctx.pairs = pairs
        ctx.attended = attend(rows.contiguous().numpy(), weight_in.numpy(), heads, pairs)
        return torch.from_numpy(ctx.attended.out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight_in = (x.detach().contiguous().numpy() for x in ctx.saved_tensors)
        by_rows, by_weight = attend_gradients(grad.contiguous().numpy(), rows, weight_in, ctx.attended, ctx.pairs)
        return torch.from_numpy(by_rows), torch.from_numpy(by_weight), None, None
