"""What the adapter needs of a game: PettingZoo's parallel interface, without that package."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

Agent = Hashable
"""PettingZoo's name of an agent, such as ``'agent_0'``."""


class ParallelGame(Protocol):
    """A subset of ``pettingzoo.ParallelEnv``; anything with these attributes will do."""

    @property
    def possible_agents(self) -> Sequence[Any]:
        """All agents that an episode may ever have."""

    @property
    def agents(self) -> Sequence[Any]:
        """Those that act now."""

    def action_space(self, agent: Any) -> Any:
        """A ``Discrete`` space."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Mapping, Mapping]:
        """Begin an episode whose random numbers follow from ``seed`` alone; observations and infos by agent."""

    def step(self, actions: dict[Any, int]) -> tuple[Mapping, Mapping, Mapping, Mapping, Mapping]:
        """Observations, rewards, terminations, truncations and infos by agent."""

    def close(self) -> None:
        """Release what the game holds."""
