"""An embedding of subtask membership that is invariant to how subtasks are numbered."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def draw_permutation(embedding: "SubtaskEmbedding", generator: torch.Generator | None = None) -> Tensor:
    """A fresh uniform permutation for one call of ``embedding``: (K + extra,) int64 on the CPU."""
    return torch.randperm(embedding.size, generator=generator)


class SubtaskEmbedding(nn.Module):
    """One-hot membership, coordinates permuted, through a linear map without bias.

    Position ``j`` of the permuted vector is position ``permutation[j]`` of the zero-padded one-hot. Entities of no
    subtask get zeros (docs/reference/alma.md#subtask-embedding).
    """

    def __init__(self, subtasks: int, dim: int, extra: int = 0) -> None:
        super().__init__()
        self.size = subtasks + extra
        self.extra = extra
        self.project = nn.Linear(self.size, dim, bias=False)

    def table(self, permutation: Tensor) -> Tensor:
        """(K, dim) embedding of each subtask: membership (..., K) float times this is what `forward` returns."""
        inverse = torch.empty_like(permutation)
        inverse[permutation] = torch.arange(self.size, dtype=permutation.dtype, device=permutation.device)
        weight = self.project.weight
        return weight.T[inverse.to(weight.device, non_blocking=True)][: self.size - self.extra]

    def forward(self, membership: Tensor, permutation: Tensor) -> Tensor:
        """Args: membership (..., K) float or bool; permutation (K + extra,) int64. Returns (..., dim)."""
        padded = F.pad(membership.to(self.project.weight.dtype), (0, self.extra))
        return self.project(padded[..., permutation.to(padded.device, non_blocking=True)])
