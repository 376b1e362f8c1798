"""What an allocation is decided upon."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import NamedTuple, Self

import torch
from torch import Tensor

from ding_alma.model.one_hot import one_hot

COUNT_SCALE = 0.2
"""Head counts are multiplied by this before any network sees them."""


class SubtaskMeans(NamedTuple):
    """The subtasks of N decisions by their living non-agent entities."""

    members: Tensor
    """(N, K) number of them, times `COUNT_SCALE`."""
    features: Tensor
    """(N, K, F) their mean, zeros where there are none."""


@dataclass(frozen=True)
class DecisionState:
    """N moments at which the agents are allocated anew; masks are boolean, True = exists / unfinished."""

    entities: Tensor
    """(N, E, F) float32, agents first."""
    entity_mask: Tensor
    """(N, E) bool."""
    entity_subtask: Tensor
    """(N, E) int64, -1 for none and for agents."""
    subtask_mask: Tensor
    """(N, K) bool."""
    last_allocation: Tensor
    """(N, A) int64, the allocation held so far, -1 for none."""

    @property
    def points(self) -> int:
        """N."""
        return self.entities.shape[0]

    @property
    def agents(self) -> int:
        """A, the padded number."""
        return self.last_allocation.shape[1]

    @property
    def subtasks(self) -> int:
        """K, the padded number."""
        return self.subtask_mask.shape[1]

    @property
    def active(self) -> Tensor:
        """(N, A) bool, the agents that exist."""
        return self.entity_mask[:, : self.agents]

    @property
    def other_subtask(self) -> Tensor:
        """(N, E - A) int64, subtask of each non-agent entity."""
        return self.entity_subtask[:, self.agents :]

    @cached_property
    def subtask_means(self) -> SubtaskMeans:
        """Worked out once for all networks that ask for it."""
        exists = self.entity_mask[:, self.agents :].unsqueeze(-1)
        belongs = (one_hot(self.other_subtask, self.subtasks) * exists).transpose(1, 2)
        count = belongs.sum(-1)
        features = belongs @ self.entities[:, self.agents :] / count.clamp_min(1).unsqueeze(-1)
        return SubtaskMeans(COUNT_SCALE * count, features)

    @property
    def compiled(self) -> bool:
        """Whether compiled loops take these decisions instead of regular tensor operations."""
        return self.entities.device.type == "cpu" and self.entities.dtype == torch.float32

    def rows(self, index: slice | Tensor) -> Self:
        """The decisions picked by ``index`` along the first axis."""
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def repeated(self, times: int) -> "DecisionState":
        """Every decision ``times`` times in succession."""
        parts = (getattr(self, f.name) for f in fields(DecisionState))
        return DecisionState(*(part.unsqueeze(1).expand(-1, times, *part.shape[1:]).flatten(0, 1) for part in parts))
