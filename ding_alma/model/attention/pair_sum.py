"""Sums over what an agent sees of a ReLU of the pair: a compiled CPU loop with its gradient."""

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.attention.ragged_attention import Neighbours


class PairSum(torch.autograd.Function):
    """``sum_j relu(asking_i + row_j)`` over the rows j that i looks at, pairs never stored. CPU, float32 only."""

    @staticmethod
    def forward(ctx: Any, asking: Tensor, rows: Tensor, pairs: Neighbours) -> Tensor:
        """Args: asking (V Q, C); rows (R, C). Returns (V Q, C), zeros where nothing may be looked at."""
        ctx.save_for_backward(asking, rows)
        ctx.pairs = pairs
        out = torch.zeros_like(asking, memory_format=torch.contiguous_format)
        _collect(asking.contiguous().numpy(), rows.contiguous().numpy(), pairs.start, pairs.row, out.numpy())
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        asking, rows = (x.detach().contiguous().numpy() for x in ctx.saved_tensors)
        by_asking, by_rows = np.zeros_like(asking), np.zeros_like(rows)
        _spread(grad.contiguous().numpy(), asking, rows, ctx.pairs.start, ctx.pairs.row, by_asking, by_rows)
        return torch.from_numpy(by_asking), torch.from_numpy(by_rows), None


@numba.njit(cache=True, nogil=True)
def _collect(asking: np.ndarray, rows: np.ndarray, start: np.ndarray, neighbour: np.ndarray, out: np.ndarray) -> None:
    for query in range(asking.shape[0]):
        for pair in range(start[query], start[query + 1]):
            other = neighbour[pair]
            for column in range(asking.shape[1]):
                out[query, column] += max(asking[query, column] + rows[other, column], np.float32(0))


@numba.njit(cache=True, nogil=True)
def _spread(
    grad: np.ndarray,
    asking: np.ndarray,
    rows: np.ndarray,
    start: np.ndarray,
    neighbour: np.ndarray,
    by_asking: np.ndarray,
    by_rows: np.ndarray,
) -> None:
    for query in range(asking.shape[0]):
        for pair in range(start[query], start[query + 1]):
            other = neighbour[pair]
            for column in range(asking.shape[1]):
                if asking[query, column] + rows[other, column] > 0:
                    by_asking[query, column] += grad[query, column]
                    by_rows[other, column] += grad[query, column]
