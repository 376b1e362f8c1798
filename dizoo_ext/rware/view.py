"""The warehouse as entities: robots, and the requested shelves, each of which is a subtask."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dizoo_ext.adapter import View
from dizoo_ext.rware.game import DIRECTIONS, TOGGLE, WarehouseGame

IS_AGENT, IS_REQUEST, X, Y = range(4)
DIRECTION = 4
"""The first of four."""
IS_CARRYING, IS_WANTED, MAY_STORE, IS_FREE_AHEAD, GOAL_X, GOAL_Y = range(8, 14)
"""Of a robot: it carries a shelf; which is requested; it stands at a place for shelves; it may go forward; how far the
nearest goal is. A requested shelf that is carried has `IS_CARRYING`, too. Places and distances are divided by the
longer side of the warehouse."""


class WarehouseView(View):
    """Everybody sees everything. A subtask is never finished: the next request takes its place."""

    features = 14
    coordinates = (X, Y)
    metric_names = ()

    def __init__(self, game: WarehouseGame) -> None:
        super().__init__(game)
        self.others = self.subtasks = game.requests
        self._scale = max(game.height, game.width)

    def begin(self) -> None:
        """Remember the requests, to see which ones are fulfilled."""
        self._requested = list(self.requests)

    @property
    def requests(self) -> list[Any]:
        """The package's shelves that are requested now, by subtask."""
        return self.game.inner.request_queue

    def agent_features(self, agent: Any) -> np.ndarray:
        """See `View.agent_features`."""
        robot, features = self.game.robot(agent), np.zeros(self.features)
        here = (robot.y, robot.x)
        goals = np.array(self.game.inner.goals) - (robot.x, robot.y)
        features[IS_AGENT] = 1
        features[[X, Y]] = np.array((robot.x, robot.y)) / self._scale
        features[DIRECTION : DIRECTION + len(DIRECTIONS)][robot.dir.value] = 1
        features[IS_CARRYING] = robot.carrying_shelf is not None
        features[IS_WANTED] = robot.carrying_shelf in self.requests
        features[MAY_STORE] = self.game.is_storage()[here]
        features[IS_FREE_AHEAD] = self.game.allowed(agent)[1]
        features[[GOAL_X, GOAL_Y]] = goals[np.abs(goals).sum(axis=1).argmin()] / self._scale
        return features

    def entities(self) -> dict[int, np.ndarray]:
        """See `View.entities`."""
        rows = {}
        carried = [robot.carrying_shelf for robot in self.game.inner.agents]
        for slot, shelf in enumerate(self.requests):
            rows[slot] = np.zeros(self.features)
            rows[slot][[IS_REQUEST, X, Y]] = (1, shelf.x / self._scale, shelf.y / self._scale)
            rows[slot][IS_CARRYING] = shelf in carried
        return rows

    def subtask_of(self, slot: int) -> int:
        """See `View.subtask_of`."""
        return slot

    def subtask_rewards(self, rewards: Mapping[Any, float]) -> np.ndarray:
        """1 for each delivery."""
        earned, at_once = np.zeros(self.subtasks), 0.0
        for agent, reward in rewards.items():
            shelf = self.game.robot(agent).carrying_shelf
            if shelf in self._requested:
                earned[self._requested.index(shelf)] += reward
            else:
                at_once += reward
        # What is requested while it is carried over the other goal is delivered in the same step, in the same slot.
        earned[earned.argmax()] += at_once
        self._requested = list(self.requests)
        return earned

    def action_mask(self, agent: Any, observation: Any, info: Mapping[str, Any]) -> np.ndarray:
        """See `View.action_mask`."""
        return self.game.allowed(agent)

    def action_subtasks(self, agent: Any) -> dict[int, int]:
        """Lifting a requested shelf is tied to its subtask."""
        robot = self.game.robot(agent)
        here = [k for k, shelf in enumerate(self.requests) if (shelf.x, shelf.y) == (robot.x, robot.y)]
        return {TOGGLE: here[0]} if here and robot.carrying_shelf is None else {}

    def allocate(self) -> dict[Any, int]:
        """Who carries a request keeps it, the nearest of the others are matched, and who is left takes the nearest."""
        chosen: dict[Any, int] = {}
        for agent in self.game.agents or self.game.possible_agents:
            shelf = self.game.robot(agent).carrying_shelf
            if shelf in self.requests:
                chosen[agent] = self.requests.index(shelf)
        pairs = sorted(
            (abs(robot.x - shelf.x) + abs(robot.y - shelf.y), index, k)
            for index, robot in enumerate(self.game.inner.agents)
            for k, shelf in enumerate(self.requests)
        )
        names = self.game.possible_agents
        for _, index, k in pairs:
            if names[index] not in chosen and k not in chosen.values():
                chosen[names[index]] = k
        for _, index, k in pairs:
            chosen.setdefault(names[index], k)
        return chosen

    def agent_label(self, agent: Any) -> str:
        """An arrow, and a star where the robot carries a shelf."""
        robot = self.game.robot(agent)
        return "^v<>"[robot.dir.value] + ("*" if robot.carrying_shelf else "")
