"""Indices as rows of zeros with a single one."""

import torch
from torch import Tensor


def one_hot(index: Tensor, size: int) -> Tensor:
    """(..., size) float32 of an index tensor (...) int64; -1 gives zeros."""
    return (index.unsqueeze(-1) == torch.arange(size, device=index.device)).to(torch.float32)
