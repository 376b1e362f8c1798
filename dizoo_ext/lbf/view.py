"""Level-Based Foraging as entities: foods are subtasks, levels are features."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dizoo_ext.adapter import View
from dizoo_ext.lbf.game import LOAD, ForagingGame

IS_AGENT, IS_FOOD, X, Y, LEVEL = range(5)
"""Features. Places run from 0 to below 1; levels are divided by the highest of a food."""


class ForagingView(View):
    """What `ForagingGame` shows; agents see everything, or what is at most ``sight`` cells away.

    A food keeps its slot when it has been collected and is then no longer there; its subtask is finished.
    """

    features = 5
    coordinates = (X, Y)
    metric_names = ("solved", "collected")

    def __init__(self, game: ForagingGame, sight: int = 0) -> None:
        super().__init__(game)
        self.others = self.subtasks = game.most_foods
        self._sight = sight or game.size

    def begin(self) -> None:
        """Foods are numbered by rows."""
        field = self.game.inner.field
        self.foods = np.argwhere(field)
        """(n, 2) cells, row and column, of this episode's foods."""
        self.levels = field[tuple(self.foods.T)]
        """(n,) their levels."""
        self._was_there = self.food_levels > 0

    @property
    def food_levels(self) -> np.ndarray:
        """(n,) levels now, 0 where a food has been collected."""
        return self.game.inner.field[tuple(self.foods.T)]

    def player(self, agent: Any) -> Any:
        """The package's object: ``position`` (row, column) and ``level``."""
        return self.game.inner.players[self.game.possible_agents.index(agent)]

    def agent_features(self, agent: Any) -> list[float]:
        """See `View.agent_features`."""
        player = self.player(agent)
        row, column = player.position
        return [1, 0, column / self.game.size, row / self.game.size, player.level / self.game.max_food_level]

    def entities(self) -> dict[int, list[float]]:
        """See `View.entities`."""
        size, highest = self.game.size, self.game.max_food_level
        foods = enumerate(zip(self.foods.tolist(), self.food_levels.tolist(), strict=True))
        return {k: [0, 1, column / size, row / size, level / highest] for k, ((row, column), level) in foods if level}

    def sees_agent(self, agent: Any, other: Any) -> bool:
        """See `View.sees_agent`."""
        return self._is_near(agent, self.player(other).position)

    def sees_entity(self, agent: Any, slot: int) -> bool:
        """See `View.sees_entity`."""
        return self._is_near(agent, self.foods[slot])

    def subtask_of(self, slot: int) -> int:
        """See `View.subtask_of`."""
        return slot

    def is_open(self, subtask: int) -> bool:
        """See `View.is_open`."""
        return subtask < len(self.foods) and bool(self.food_levels[subtask] > 0)

    def subtask_rewards(self, rewards: Mapping[Any, float]) -> np.ndarray:
        """Of each food, the rewards of the agents that loaded it or tried to."""
        earned = np.zeros(self.subtasks)
        for agent, reward in rewards.items():
            if reward:
                # Who loads does not move.
                earned[self._beside(agent, self._was_there)] += reward
        self._was_there = self.food_levels > 0
        return earned

    def action_mask(self, agent: Any, observation: Any, info: Mapping[str, Any]) -> np.ndarray:
        """See `View.action_mask`."""
        return self.game.allowed(self.game.possible_agents.index(agent))

    def action_subtasks(self, agent: Any) -> dict[int, int]:
        """Loading is tied to the food that the agent stands beside: there is never more than one."""
        food = self._beside(agent, self.food_levels > 0)
        return {} if food is None else {LOAD: food}

    def allocate(self) -> dict[Any, int]:
        """To the nearest foods that free agents can load together; who is left over helps at the nearest food."""
        agents = self.game.possible_agents[: len(self.game.inner.players)]
        cells = np.array([self.player(agent).position for agent in agents])
        levels = np.array([self.player(agent).level for agent in agents])
        chosen = allocate_by_levels(cells, levels, self.foods, self.food_levels)
        return dict(zip(agents, chosen.tolist(), strict=True))

    def metrics(self) -> dict[str, float]:
        """``solved``: all foods were collected; ``collected``: the share of them."""
        there = self.food_levels > 0
        return {"solved": float(not there.any()), "collected": float(1 - there.mean())}

    def agent_label(self, agent: Any) -> str:
        """The agent's level."""
        return str(self.player(agent).level)

    def entity_label(self, slot: int) -> str:
        """The food's level."""
        return str(self.levels[slot])

    def _is_near(self, agent: Any, cell: Sequence[int] | np.ndarray) -> bool:
        row, column = self.player(agent).position
        return max(abs(row - cell[0]), abs(column - cell[1])) <= self._sight

    def _beside(self, agent: Any, there: np.ndarray) -> int | None:
        distance = np.abs(self.foods - self.player(agent).position).sum(axis=1)
        found = np.flatnonzero((distance == 1) & there)
        return int(found[0]) if len(found) else None


def allocate_by_levels(cells: np.ndarray, levels: np.ndarray, foods: np.ndarray, food_levels: np.ndarray) -> np.ndarray:
    """Send the nearest agents to each food until their levels suffice, beginning with the food that is reached first.

    Args:
        cells: (A, 2) of agents.
        levels: (A,).
        foods: (n, 2) cells.
        food_levels: (n,) 0 where there is no food.

    Returns:
        (A,) int64 food per agent, -1 if there is none.
    """
    distance = np.abs(cells[:, None] - foods[None]).sum(axis=2)
    chosen = np.full(len(cells), -1)
    left = [int(food) for food in np.flatnonzero(food_levels)]
    while left:
        teams = {food: _team(distance[:, food], levels, int(food_levels[food]), chosen < 0) for food in left}
        able = [food for food in left if teams[food]]
        if not able:
            break
        food = min(able, key=lambda each: max(distance[teams[each], each]))
        chosen[teams[food]] = food
        left.remove(food)
    nearest = np.where(food_levels > 0, distance, np.iinfo(np.int64).max)
    return np.where((chosen < 0) & (food_levels > 0).any(), nearest.argmin(axis=1), chosen)


def _team(distance: np.ndarray, levels: np.ndarray, needed: int, free: np.ndarray) -> list[int]:
    """The nearest free agents whose levels suffice; empty if all together do not."""
    team: list[int] = []
    for agent in np.argsort(distance, kind="stable").tolist():
        if free[agent] and needed > 0:
            team.append(agent)
            needed -= int(levels[agent])
    return team if needed <= 0 else []
