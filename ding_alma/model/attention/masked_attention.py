"""Scaled dot-product attention over regular tensors."""

import math

import torch
from torch import Tensor


def masked_attention(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor) -> Tensor:
    """Scaled dot-product attention in which a query with nothing allowed gets zeros.

    Args:
        query: (..., H, Q, D); leading axes broadcast.
        key: (..., H, E, D).
        value: (..., H, E, V).
        allowed: (..., Q, E) bool, True = the query may look at the entity.

    Returns:
        (..., H, Q, V).
    """
    allowed = allowed.unsqueeze(-3)
    score = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    weight = score.masked_fill(~allowed, torch.finfo(score.dtype).min).softmax(-1)
    # A row without any allowed entity comes out of the softmax uniform, not zero.
    weight = weight * allowed.any(-1, keepdim=True)
    return weight @ value
