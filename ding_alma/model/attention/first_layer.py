"""The first layer of several networks on chosen rows, whatever the form of the rows. CPU only, without autograd."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.linear import product, weight_gradient
from ding_alma.model.attention.sparse_linear import sparse_kernels

NO_FLOOR = np.finfo(np.float32).min


def encode_rows(
    inputs: EntityInputs, rows: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], relu: bool
) -> np.ndarray:
    """``rows weight^T + bias`` of S networks, perhaps with a ReLU: (S, R, D).

    Args: rows (R,) int64, those of the N E input rows that are wanted; weights (D, I) and biases (D,), S of each.
    """
    networks, width = len(weights), len(biases[0])
    if not inputs.is_sparse:
        chosen = inputs.dense.flatten(0, 1).index_select(0, rows)
        activation = "relu" if relu else "none"
        return np.stack([product(chosen, *pair, activation).numpy() for pair in zip(weights, biases, strict=True)])
    out = np.empty((networks, len(rows), width), np.float32)
    weight = torch.cat(list(weights)).T.contiguous().numpy()
    floor = np.float32(0) if relu else NO_FLOOR
    sparse_kernels(networks, width).encode(
        rows.numpy(), *inputs.sparse, weight, torch.cat(list(biases)).numpy(), floor, out
    )
    return out


def weight_gradients(inputs: EntityInputs, rows: Tensor, slope: np.ndarray) -> Sequence[Tensor]:
    """Gradients (D, I) of the weights in `encode_rows` from those of the layers' outputs before the ReLU (S, R, D)."""
    networks, _, width = slope.shape
    if not inputs.is_sparse:
        chosen = inputs.dense.flatten(0, 1).index_select(0, rows)
        return [weight_gradient(torch.from_numpy(part), chosen) for part in slope]
    gradient = np.zeros((inputs.columns, networks * width), np.float32)
    sparse_kernels(networks, width).weight_gradient(rows.numpy(), *inputs.sparse, slope, gradient)
    return torch.from_numpy(gradient).T.contiguous().chunk(networks)
