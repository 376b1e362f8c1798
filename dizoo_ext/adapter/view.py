"""What the user says of a game: who is in it, who sees whom, and what its subtasks are."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from dizoo_ext.adapter.game import Agent


class View:
    """Reads the present state of one game; subclasses name ``features`` and define `agent_features`.

    One view belongs to one game and lives as long, so it may remember things between calls; what belongs to one episode
    is set in `begin`. All other methods are asked after every reset and step and must change nothing in the game.

    Entities other than agents have slots 0 ... ``others`` - 1, which an episode need not fill. An entity keeps its
    slot through an episode.

    Sizes are padded maxima, the same in all episodes; where they depend on the game, set them in ``__init__``, before
    the game has been reset.
    """

    features: int
    """Numbers per entity, the same for agents and others."""
    others: int = 0
    """Slots for entities that are not agents."""
    subtasks: int = 1
    """Subtasks; with one, the default, it is the task itself, and nothing has to be said of it."""
    coordinates: tuple[int, ...] = ()
    """Features that say where an entity is on a map about one wide, if there are such (`EntitySpec.coordinates`)."""
    metric_names: ClassVar[tuple[str, ...] | None] = None
    """Names in `metrics`, for a wrong ``env.eval_metric`` to be told before anything is played."""
    area: ClassVar[tuple[float, float]] = (0.0, 1.0)
    """Least and greatest coordinate, for pictures."""

    def __init__(self, game: Any) -> None:
        self.game = game

    def begin(self) -> None:
        """The game has just been reset."""

    def agent_features(self, agent: Agent) -> Sequence[float] | np.ndarray:
        """The features (F,) of an agent that lives, or that a time limit has just taken out of the game."""
        raise NotImplementedError(f"{type(self).__name__} must define agent_features(agent)")

    def entities(self) -> Mapping[int, Sequence[float] | np.ndarray]:
        """Slot -> features (F,) of the other entities that exist now."""
        return {}

    def sees_agent(self, agent: Agent, other: Agent) -> bool:
        """Whether a living agent sees another one."""
        return True

    def sees_entity(self, agent: Agent, slot: int) -> bool:
        """Whether a living agent sees the entity in a slot."""
        return True

    def subtask_of(self, slot: int) -> int:
        """The subtask that the entity in a slot belongs to, -1 for none; by default the task itself."""
        return 0 if self.subtasks == 1 else -1

    def is_open(self, subtask: int) -> bool:
        """Whether a subtask is there and unfinished."""
        return True

    def team_reward(self, rewards: Mapping[Agent, float]) -> float:
        """The team's reward of the last step, from those of its agents; by default their sum."""
        return float(sum(rewards.values()))

    def subtask_rewards(self, rewards: Mapping[Agent, float]) -> Sequence[float] | np.ndarray:
        """What each subtask (K,) earned in the last step; with one, by default, the team's reward."""
        if self.subtasks > 1:
            raise NotImplementedError(f"{type(self).__name__} has subtasks: it must define subtask_rewards(rewards)")
        return [self.team_reward(rewards)]

    def action_mask(
        self, agent: Agent, observation: Any, info: Mapping[str, Any]
    ) -> Sequence[bool] | np.ndarray | None:
        """The agent's allowed actions (U,); None for all.

        By default ``action_mask`` of the agent's observation, if that is a dict with one, else of its info.

        Args:
            observation: what the game handed out for the agent, None if nothing.
        """
        for holder in (observation, info):
            if isinstance(holder, Mapping) and holder.get("action_mask") is not None:
                return holder["action_mask"]
        return None

    def action_subtasks(self, agent: Agent) -> Mapping[int, int]:
        """Action, counted from 0 as in the mask -> the subtask that it is tied to, of those that are."""
        return {}

    def allocate(self) -> Mapping[Agent, int] | None:
        """A hand-made rule: the open subtask of each living agent; those left out have none.

        None, the default, stands for the subtask of the nearest entity, by ``coordinates``; if there is only one
        subtask, all have that.
        """
        return None

    def metrics(self) -> Mapping[str, float]:
        """Numbers to report of an episode that has just ended, by the same names each time."""
        return {}

    def agent_label(self, agent: Agent) -> str:
        """A few letters to write on an agent in pictures."""
        return ""

    def entity_label(self, slot: int) -> str:
        """A few letters to write on another entity in pictures."""
        return ""

    def render(self, allocation: np.ndarray | None) -> np.ndarray | None:
        """A picture (H, W, 3) uint8; None for one of the entities at their ``coordinates``.

        By default the game's own, if it was made with ``render_mode='rgb_array'``.

        Args:
            allocation: (A,) subtask per agent, -1 for none.
        """
        return self.game.render() if getattr(self.game, "render_mode", None) == "rgb_array" else None
