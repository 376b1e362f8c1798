"""One game, its view, and what the contract wants to know of it."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from dizoo_ext.adapter.game import Agent, ParallelGame
from dizoo_ext.adapter.nearest import nearest_subtasks
from dizoo_ext.adapter.picture import draw_places
from dizoo_ext.adapter.view import View
from dizoo_ext.contract import EntitySpec

OWN_METRICS = ("return", "episode_length")
"""Reported of every episode, beside what the view reports."""


class Outcome(NamedTuple):
    """What one step of one game returns beside the observation; as in `dizoo_ext.vector_env.VectorStep`."""

    reward: float
    done: bool
    time_limit: bool
    subtask_reward: np.ndarray
    subtask_done: np.ndarray
    subtasks_changed: bool
    episode_info: dict[str, float] | None


def spec_of(game: ParallelGame, view: View, episode_limit: int) -> EntitySpec:
    """The sizes that a game and its view have in all episodes.

    Raises:
        TypeError: an action space is not discrete, or the view has subtasks and does not say what they earn.
        ValueError: there are no possible agents, or the view does not name its features.
    """
    name = type(view).__name__
    agents = list(getattr(game, "possible_agents", ()))
    if not agents:
        raise ValueError("the game has no possible_agents: set them to all agents that an episode may ever have")
    for agent in agents:
        space = game.action_space(agent)
        if not hasattr(space, "n") or np.ndim(space.n):
            raise TypeError(f"the action space of {agent!r} must be Discrete, got {space}; wrap the game to make it so")
    features = getattr(view, "features", 0)
    if not isinstance(features, int) or features < 1:
        raise ValueError(f"{name}.features must say how many numbers describe an entity")
    if view.subtasks > 1 and type(view).subtask_rewards is View.subtask_rewards:
        raise TypeError(f"{name} has {view.subtasks} subtasks: define subtask_rewards, what each of them earned")
    return EntitySpec(
        agents=len(agents),
        entities=len(agents) + view.others,
        subtasks=view.subtasks,
        actions=max(int(game.action_space(agent).n) for agent in agents),
        features=view.features,
        episode_limit=episode_limit,
        coordinates=tuple(view.coordinates),
        cuts_early=True,
    )


class ShownGame:
    """A game as the contract sees it: agents in the order of ``possible_agents``, absent and dead ones padded.

    Only agents that live are sent actions. An agent is dead as soon as it is terminated or truncated, or no longer
    among the game's ``agents``; it may come back. The episode is over when nobody lives. It was cut, and did not end,
    if one of those who left last was truncated and not terminated, or if it reached ``spec.episode_limit`` undone.
    """

    def __init__(self, game: ParallelGame, view: View, spec: EntitySpec, reward_scale: float = 1.0) -> None:
        self.game = game
        self.view = view
        self.spec = spec
        self._reward_scale = reward_scale
        self.is_running = False
        self._has_begun = False
        self.last_action = np.full(spec.agents, -1)
        """(A,) joint action that led here, -1 at an episode's beginning."""
        self.action_mask = np.zeros((spec.agents, spec.actions), np.bool_)
        self._names = list(game.possible_agents)
        self._index = {name: index for index, name in enumerate(self._names)}
        self._first = [int(getattr(game.action_space(name), "start", 0)) for name in self._names]
        self._shown: list[Agent] = []
        self._last_places = (np.zeros(0, np.int64), np.zeros((0, spec.features), np.float32))
        """Indices and features of the agents of the last observation in which somebody lived."""
        self._is_open = np.zeros(spec.subtasks, np.bool_)
        self._steps = 0
        self._return = 0.0

    def begin(self, seed: int, options: dict[str, Any] | None) -> None:
        """Reset the game. Raises a ValueError if there are no agents, or unknown ones."""
        observations, infos = self.game.reset(seed=seed, options=options)
        self.view.begin()
        self._steps, self._return = 0, 0.0
        self.last_action[:] = -1
        self._show(self._present(), observations, infos)
        if not self._shown:
            raise ValueError("the game has no agents after a reset: game.agents is empty")
        self._is_open = self._open_subtasks()
        self.is_running = self._has_begun = True

    def step(self, actions: np.ndarray) -> Outcome:
        """Advance by a joint action (A,) that has been checked."""
        acting = self._shown
        chosen = {name: int(actions[self._index[name]]) + self._first[self._index[name]] for name in acting}
        observations, rewards, terminations, truncations, infos = self.game.step(chosen)
        self.last_action[:] = actions
        self._steps += 1
        ended = {name for name in self._names if terminations.get(name)}
        cut = [name for name in acting if truncations.get(name) and name not in ended]
        living = [name for name in self._present() if name not in ended and not truncations.get(name)]
        done = not living or self._steps >= self.spec.episode_limit
        time_limit = done and (bool(living) or bool(cut))
        # Whoever learns from an episode that was cut needs its last state with those whom the cut has taken.
        self._show([*living, *cut] if done else living, observations, infos)
        rewards = {name: float(reward or 0.0) for name, reward in rewards.items()}
        reward = float(self.view.team_reward(rewards)) * self._reward_scale
        subtask_reward = np.asarray(self.view.subtask_rewards(rewards), np.float64)
        if subtask_reward.shape != (self.spec.subtasks,):
            raise ValueError(f"subtask_rewards must be {self.spec.subtasks} numbers, got {subtask_reward.tolist()}")
        self._return += reward
        was_open, self._is_open = self._is_open, self._open_subtasks()
        self.is_running = not done
        return Outcome(
            reward,
            done,
            time_limit,
            subtask_reward * self._reward_scale,
            ~self._is_open,
            bool((was_open != self._is_open).any()),
            self._episode_info() if done else None,
        )

    def write(self, into: Mapping[str, np.ndarray]) -> None:
        """Write the entity keys of the contract into zeros of one environment's shapes."""
        agents = self.spec.agents
        entities, present, seen = into["entities"], into["entity_mask"], into["obs_mask"]
        into["entity_subtask"][:] = into["action_subtask"][:] = into["heuristic_allocation"][:] = -1
        into["subtask_mask"][:] = self._is_open
        into["action_mask"][:] = self.action_mask
        others = self.view.entities()
        for slot, features in others.items():
            if not 0 <= slot < self.view.others:
                raise ValueError(f"slots of entities are 0 to {self.view.others - 1}, got {slot!r}")
            entities[agents + slot] = self._row(features, f"the entity in slot {slot}")
            present[agents + slot] = True
            into["entity_subtask"][agents + slot] = self._subtask(self.view.subtask_of(slot))
        for name in self._shown:
            i = self._index[name]
            entities[i] = self._row(self.view.agent_features(name), f"the agent {name!r}")
            present[i] = True
            for other in self._shown:
                seen[i, self._index[other]] = other == name or self.view.sees_agent(name, other)
            for slot in others:
                seen[i, agents + slot] = self.view.sees_entity(name, slot)
            for action, subtask in self.view.action_subtasks(name).items():
                if not 0 <= action < self.spec.actions:
                    raise ValueError(f"action_subtasks: actions are 0 to {self.spec.actions - 1}, got {action!r}")
                into["action_subtask"][i, action] = self._subtask(subtask)
        self._allocate(into)
        if self._shown:
            index = np.array([self._index[name] for name in self._shown])
            self._last_places = index, entities[index]

    def render(self, allocation: np.ndarray | None) -> np.ndarray:
        """The view's picture, or one of the places of the entities and of the agents that live.

        When nobody lives any more, agents are where they were before their last step.

        Raises:
            RuntimeError: there is neither, or no episode has begun.
        """
        picture = self.view.render(allocation)
        if picture is not None:
            return np.asarray(picture)
        columns = list(self.spec.coordinates[:2])
        if not columns or not self._has_begun:
            raise RuntimeError(
                "there is nothing to draw: begin an episode, and make the game with render_mode='rgb_array', or name "
                f"{type(self.view).__name__}.coordinates, or define its render"
            )
        low, high = self.view.area
        others = self.view.entities()
        if self._shown:
            index = np.array([self._index[name] for name in self._shown])
            agents = [self.view.agent_features(name) for name in self._shown]
            labels = [self.view.agent_label(name) for name in self._shown]
        else:
            index, agents = self._last_places[0], list(self._last_places[1])
            labels = [""] * len(index)
        rows = [*agents, *others.values()]
        places = (np.array(rows, np.float64).reshape(-1, self.spec.features)[:, columns] - low) / (high - low)
        if len(columns) == 1:
            places = np.column_stack([places, np.full(len(places), 0.5)])
        return draw_places(
            places[: len(index)],
            places[len(index) :],
            np.array([self.view.subtask_of(slot) for slot in others], np.int64),
            np.full(len(index), -1) if allocation is None else np.asarray(allocation)[index],
            [*labels, *map(self.view.entity_label, others)],
            f"step {self._steps}   return {self._return:.2f}",
        )

    def _present(self) -> list[Agent]:
        unknown = [name for name in self.game.agents if name not in self._index]
        if unknown:
            raise ValueError(f"game.agents has {unknown}, which are not among its possible_agents")
        return list(self.game.agents)

    def _show(self, names: Iterable[Agent], observations: Mapping, infos: Mapping) -> None:
        self._shown = list(names)
        self.action_mask[:] = False
        self.action_mask[:, 0] = True
        for name in self._shown:
            index, size = self._index[name], int(self.game.action_space(name).n)
            allowed = self.view.action_mask(name, observations.get(name), infos.get(name) or {})
            mask = np.ones(size, np.bool_) if allowed is None else np.asarray(allowed).astype(np.bool_)
            if mask.shape != (size,) or not mask.any():
                raise ValueError(
                    f"the action mask of {name!r} must have {size} entries, one of them true, got {mask.tolist()}"
                )
            self.action_mask[index, :] = False
            self.action_mask[index, :size] = mask

    def _open_subtasks(self) -> np.ndarray:
        return np.array([bool(self.view.is_open(subtask)) for subtask in range(self.spec.subtasks)])

    def _episode_info(self) -> dict[str, float]:
        own = {name: float(value) for name, value in self.view.metrics().items()}
        if taken := own.keys() & set(OWN_METRICS):
            raise ValueError(f"{type(self.view).__name__}.metrics() may not report {min(taken)}: the adapter does")
        return own | dict(zip(OWN_METRICS, (self._return, float(self._steps)), strict=True))

    def _row(self, features: Any, whose: str) -> np.ndarray:
        row = np.asarray(features, np.float32)
        if row.shape != (self.spec.features,):
            raise ValueError(f"features of {whose} must be {self.spec.features} numbers, got shape {row.shape}")
        return row

    def _subtask(self, subtask: int) -> int:
        if not -1 <= subtask < self.spec.subtasks:
            raise ValueError(f"subtasks are 0 to {self.spec.subtasks - 1}, or -1 for none, got {subtask!r}")
        return subtask

    def _allocate(self, into: Mapping[str, np.ndarray]) -> None:
        index = [self._index[name] for name in self._shown]
        allocation, chosen = into["heuristic_allocation"], self.view.allocate()
        if chosen is not None:
            unknown = [name for name in chosen if name not in self._index]
            if unknown:
                raise ValueError(f"allocate() names {unknown[0]!r}, agents are {', '.join(map(repr, self._index))}")
            for name in self._shown:
                allocation[self._index[name]] = self._subtask(chosen.get(name, -1))
        elif self.spec.subtasks == 1:
            allocation[index] = 0
        elif index:
            columns = list(self.spec.coordinates)
            others = self.spec.agents + np.flatnonzero(into["entity_mask"][self.spec.agents :])
            places, subtask = into["entities"][:, columns], into["entity_subtask"]
            allocation[index] = nearest_subtasks(places[index], places[others], subtask[others], self._is_open)
        # A rule may be late: nobody is told to work at what is finished.
        allocation[(allocation >= 0) & ~self._is_open[allocation]] = -1
