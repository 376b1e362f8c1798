"""Attention in which every query has its own short list of neighbours, with its gradient; for CPUs."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ding_alma.model.attention import ragged_kernels as kernels


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
    """What `attend` computes on its way and `attend_gradients` needs."""

    query: np.ndarray
    """(Q, D)."""
    seen: np.ndarray
    """(R, 2 D), keys and values side by side."""
    weight: np.ndarray
    """(P, heads)."""


def attend(rows: np.ndarray, weight_in: np.ndarray, out: np.ndarray, heads: int, pairs: Neighbours) -> Attended:
    """Projection to queries, keys and values, and attention.

    Args:
        rows: (R, D) float32.
        weight_in: (3 D, D), projections to query, key and value.
        out: (V Q, D) of zeros, becomes what the queries see.
        heads: number of heads, contiguous slices of D.
        pairs: who looks at whom.
    """
    dim = rows.shape[1]
    attended = Attended(
        np.empty((pairs.queries, dim), np.float32),
        np.empty((len(rows), 2 * dim), np.float32),
        np.empty((len(pairs.row), heads), np.float32),
    )
    kernels.attend(rows, weight_in, *pairs, out, *attended)
    return attended


def attend_gradients(
    grad: np.ndarray,
    rows: np.ndarray,
    weight_in: np.ndarray,
    attended: Attended,
    by_rows: np.ndarray,
    pairs: Neighbours,
) -> np.ndarray:
    """Gradient of `attend` by ``weight_in`` (3 D, D), from that of what is seen (V Q, D).

    ``by_rows`` (R, D), zeros, becomes that by ``rows``.
    """
    by_weight = np.zeros_like(weight_in)
    kernels.gradients(grad, rows, weight_in, *pairs, *attended, by_rows, by_weight)
    return by_weight


class RaggedAttention(torch.autograd.Function):
    """`attend` with its gradients. CPU and float32 only."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight_in: Tensor, heads: int, pairs: Neighbours) -> Tensor:
        """Args: as `attend`. Returns (V Q, D)."""
        ctx.save_for_backward(rows, weight_in)
        ctx.pairs = pairs
        out = np.zeros((len(pairs.start) - 1, rows.shape[1]), np.float32)
        ctx.attended = attend(rows.contiguous().numpy(), weight_in.numpy(), out, heads, pairs)
        return torch.from_numpy(out)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight_in = (x.detach().contiguous().numpy() for x in ctx.saved_tensors)
        by_rows, incoming = np.zeros_like(rows), grad.contiguous().numpy()
        by_weight = attend_gradients(incoming, rows, weight_in, ctx.attended, by_rows, ctx.pairs)
        return torch.from_numpy(by_rows), torch.from_numpy(by_weight), None, None
