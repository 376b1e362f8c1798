"""Gymnasium environments of a whole team, whose observations and rewards are lists, as parallel games."""

from collections.abc import Sequence
from typing import Any

from gymnasium import spaces


class TeamGame:
    """A `ParallelGame` of the agents ``agent_0`` ... around an environment that takes and hands out a list per agent.

    Such environments share one end among all agents. A subclass whose episodes differ in more than the seed makes or
    changes ``inner`` in `prepare`, where the slow imports belong, too.

    Args:
        agents: at most so many in an episode.
        actions: of each agent.
        inner: the environment, unless `prepare` makes it.
    """

    def __init__(self, agents: int, actions: int, inner: Any = None) -> None:
        self.possible_agents = [f"agent_{index}" for index in range(agents)]
        self.agents: list[str] = []
        self.inner = inner
        self._space = spaces.Discrete(actions)

    def prepare(self, seed: int | None) -> Any:
        """The environment of the next episode."""
        return self.inner

    def action_space(self, agent: str) -> spaces.Discrete:
        """The same for all agents."""
        return self._space

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begin an episode; those agents take part whom the environment hands an observation."""
        self.inner = self.prepare(seed)
        observations, info = self.inner.reset(seed=seed, options=options)
        self.agents = self.possible_agents[: len(observations)]
        return self._named(observations), {agent: dict(info) for agent in self.agents}

    def step(
        self, actions: dict[str, int]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Advance by one action per agent."""
        agents = self.agents
        observations, rewards, terminated, truncated, info = self.inner.step([actions[agent] for agent in agents])
        result = (
            self._named(observations),
            {agent: float(reward) for agent, reward in zip(agents, rewards, strict=True)},
            dict.fromkeys(agents, bool(terminated)),
            dict.fromkeys(agents, bool(truncated)),
            {agent: dict(info) for agent in agents},
        )
        if terminated or truncated:
            self.agents = []
        return result

    def close(self) -> None:
        """Close the environment, if there has been an episode."""
        if self.inner is not None:
            self.inner.close()

    def _named(self, values: Sequence[Any]) -> dict[str, Any]:
        return dict(zip(self.agents, values, strict=True))
