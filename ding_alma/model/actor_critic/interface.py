"""What masked PPO asks of its networks, whatever they look at."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from ding_alma.model.actor_critic.categorical import ActionDistribution


class ActorCriticOutput(NamedTuple):
    """Of the M members of N teams; rows of members that are not active hold anything finite."""

    actions: ActionDistribution
    """(N, M) distributions over U actions."""
    value: Tensor
    """(N, M)."""


class MemberActorCritic(nn.Module, ABC):
    """Actor and critic without shared parameters, so that each can be asked, and learn, by itself.

    All methods judge one moment of N teams. Args: observation, (N, ...) per key; active (N, M) bool, the members that
    act.
    """

    @abstractmethod
    def act(self, observation: dict[str, Tensor], active: Tensor) -> ActionDistribution:
        """(N, M) distributions over U actions."""

    @abstractmethod
    def evaluate(self, observation: dict[str, Tensor], active: Tensor) -> Tensor:
        """(N, M) values."""

    def forward(self, observation: dict[str, Tensor], active: Tensor) -> ActorCriticOutput:
        """Both."""
        return ActorCriticOutput(self.act(observation, active), self.evaluate(observation, active))
