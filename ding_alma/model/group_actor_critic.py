"""What masked PPO asks of its networks, whatever they look at."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from ding_alma.model.categorical import ActionDistribution


class Judgement(NamedTuple):
    """Of the M members of N teams; rows of members that are not active hold anything finite."""

    actions: ActionDistribution
    """(N, M) distributions over U actions."""
    value: Tensor
    """(N, M)."""


class GroupActorCritic(nn.Module, ABC):
    """Actor and critic without shared parameters."""

    @abstractmethod
    def forward(self, observation: dict[str, Tensor], active: Tensor) -> Judgement:
        """Judge one moment of N teams.

        Args:
            observation: (N, ...) per key.
            active: (N, M) bool, the members that act.
        """
