"""REFIL's random split of the entities into two groups (REFIL, section 3; ALMA reference, imagined rows)."""

from typing import NamedTuple

import torch
from torch import Tensor


class Split(NamedTuple):
    """Pairs of entities by group; both masks hold only pairs that exist at the first step of a row."""

    same: Tensor
    """(B, queries, E) bool, both exist and are in the same group."""
    different: Tensor
    """(B, queries, E) bool, both exist and are in different groups."""


def draw_groups(rows: int, entities: int, generator: torch.Generator | None = None) -> Tensor:
    """A group per entity: (rows, entities) bool, Bernoulli(p) with one p ~ U(0, 1) per row, on the CPU."""
    probability = torch.rand(rows, 1, generator=generator)
    return torch.rand(rows, entities, generator=generator) < probability


def split_pairs(group: Tensor, exists: Tensor, queries: int) -> Split:
    """Args: group (B, E) bool; exists (B, E) bool, at the row's first step; queries, leading entities that ask."""
    both = exists[:, :queries, None] & exists[:, None, :]
    equal = group[:, :queries, None] == group[:, None, :]
    return Split(both & equal, both & ~equal)


def agent_views(obs_mask: Tensor, split: Split) -> tuple[Tensor, Tensor]:
    """What agents see within their group and of everything else.

    Pairs that involve an entity absent at the first step belong to the second view, as in the reference.

    Args: obs_mask (B, T, A, E) bool. Returns two masks of that shape.
    """
    same = split.same.unsqueeze(1)
    return obs_mask & same, obs_mask & ~same
