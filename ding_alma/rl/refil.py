"""REFIL's random split of the entities into two groups (docs/reference/refil.md#imagined-groups)."""

from typing import NamedTuple

import torch
from torch import Tensor

from ding_alma.rl.network_inputs import both_exist, same_subtask

GROUPINGS = ("random", "given", "random_given")
"""Where the imagined groups come from: REFIL's draw; the environment's true groups ("fixed oracle"); a draw within
which true groups are told apart as well ("randomised oracle")."""


class Split(NamedTuple):
    """Pairs of entities by group; both masks hold only pairs that exist."""

    same: Tensor
    """(B, T, queries, E) bool, both exist and are in the same group; T = 1 for a split that holds for whole rows."""
    different: Tensor
    """As ``same``, both exist and are in different groups."""

    def steps(self, length: int) -> tuple[Tensor, Tensor]:
        """Both masks for rows of ``length`` steps, rows and steps merged: (B length, queries, E)."""
        same, different = (pairs.expand(-1, length, -1, -1).flatten(0, 1) for pairs in self)
        return same, different


def draw_groups(rows: int, entities: int, generator: torch.Generator | None = None) -> Tensor:
    """A group per entity: (rows, entities) bool, Bernoulli(p) with one p ~ U(0, 1) per row, on the CPU."""
    probability = torch.rand(rows, 1, generator=generator)
    return torch.rand(rows, entities, generator=generator) < probability


def split_pairs(group: Tensor, exists: Tensor, queries: int) -> Split:
    """Args: group (B, E) bool; exists (B, E) bool, at the row's first step; queries, leading entities that ask."""
    both = both_exist(exists, queries).unsqueeze(1)
    equal = (group[:, :queries, None] == group[:, None, :]).unsqueeze(1)
    return Split(both & equal, both & ~equal)


def given_pairs(groups: Tensor, exists: Tensor, queries: int) -> Split:
    """True groups. Args: groups (B, T, E) int64, -1 for none; exists (B, T, E) bool; queries as in `split_pairs`."""
    both = both_exist(exists, queries)
    equal = same_subtask(groups, queries)
    return Split(both & equal, both & ~equal)


def common_pairs(one: Split, other: Split) -> Split:
    """The split whose groups are intersections of groups of ``one`` and of ``other``."""
    same = one.same & other.same
    both = (one.same | one.different) & (other.same | other.different)
    return Split(same, both & ~same)


def agent_views(obs_mask: Tensor, split: Split) -> tuple[Tensor, Tensor]:
    """What agents see within their group and of everything else.

    Pairs of which one does not exist belong to the second view, as in the reference.

    Args: obs_mask (B, T, A, E) bool. Returns two masks of that shape.
    """
    return obs_mask & split.same, obs_mask & ~split.same
