"""A warehouse of rware as a parallel game."""

import importlib
import importlib.util
from typing import Any

import numpy as np

from dizoo_ext.adapter import TeamGame
from dizoo_ext.strict_config import check_range

WAIT, FORWARD, LEFT, RIGHT, TOGGLE = ACTIONS = range(5)
UP, DOWN, WEST, EAST = DIRECTIONS = range(4)
OFFSETS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Row and column, by direction."""
MOST_BLOCKS = 50
"""Each way, and shelves from front to back in a block."""
_AGENTS, _SHELVES = range(2)
"""Layers of the package's grid."""


class WarehouseGame(TeamGame):
    """Robots bring requested shelves to the goals and put them back; another shelf is requested at once.

    Args:
        agents: robots.
        requests: shelves that are requested at a time.
        shelf_columns: blocks of shelves side by side, an odd number from 3; the middle one makes room for the goals. Of
            this and the next two there are at most `MOST_BLOCKS`.
        shelf_rows: blocks of shelves one behind the other.
        column_height: shelves from front to back in a block, which is two wide.

    Raises:
        ValueError: an impossible value.
    """

    def __init__(
        self, agents: int = 2, requests: int = 2, shelf_columns: int = 3, shelf_rows: int = 1, column_height: int = 2
    ) -> None:
        check_range(agents, "env.agents", 1)
        check_range(shelf_columns, "env.shelf_columns", 3, MOST_BLOCKS)
        check_range(shelf_rows, "env.shelf_rows", 1, MOST_BLOCKS)
        check_range(column_height, "env.column_height", 1, MOST_BLOCKS)
        if shelf_columns % 2 == 0:
            raise ValueError(f"env.shelf_columns must be odd, got {shelf_columns}")
        # The middle block of the last row is missing, and one shelf stays unrequested, so that there is a next one.
        shelves = 2 * column_height * (shelf_columns * shelf_rows - 1)
        check_range(requests, "env.requests", 1, shelves - 1)
        self.height, self.width = (column_height + 1) * shelf_rows + 2, 3 * shelf_columns + 1
        check_range(agents, "env.agents", 1, self.height * self.width)
        self.requests = requests
        super().__init__(agents, len(ACTIONS))
        self._rules = dict(
            n_agents=agents,
            request_queue_size=requests,
            shelf_columns=shelf_columns,
            shelf_rows=shelf_rows,
            column_height=column_height,
            msg_bits=0,
            sensor_range=1,
            max_inactivity_steps=None,
            # Cut by the adapter: the package does not tell a limit from an end.
            max_steps=None,
        )

    def prepare(self, seed: int | None) -> Any:
        """The warehouse, made when it is first needed."""
        if self.inner is None:
            module = warehouse_module()
            self.inner = module.Warehouse(reward_type=module.RewardType.INDIVIDUAL, **self._rules)
        return self.inner

    def robot(self, agent: str) -> Any:
        """The package's object, with ``x``, ``y``, ``dir`` and ``carrying_shelf``."""
        return self.inner.agents[self.possible_agents.index(agent)]

    def is_standing_shelf(self) -> np.ndarray:
        """(H, W) bool: a shelf that nobody carries."""
        standing = self.inner.grid[_SHELVES] > 0
        for robot in self.inner.agents:
            if robot.carrying_shelf:
                standing[robot.y, robot.x] = False
        return standing

    def is_robot(self) -> np.ndarray:
        """(H, W) bool."""
        return self.inner.grid[_AGENTS] > 0

    def is_storage(self) -> np.ndarray:
        """(H, W) bool: a place to put a shelf down."""
        return self.inner.highways == 0

    def allowed(self, agent: str) -> np.ndarray:
        """(U,) bool: what can change something, unless another robot is in the way."""
        robot, standing = self.robot(agent), self.is_standing_shelf()
        row, column = np.add((robot.y, robot.x), OFFSETS[robot.dir.value])
        mask = np.ones(len(ACTIONS), np.bool_)
        is_inside = 0 <= row < self.height and 0 <= column < self.width
        mask[FORWARD] = is_inside and not (robot.carrying_shelf and standing[row, column])
        here = (robot.y, robot.x)
        mask[TOGGLE] = self.is_storage()[here] if robot.carrying_shelf else standing[here]
        return mask


def warehouse_module() -> Any:
    """The module ``rware.warehouse``.

    Raises:
        ModuleNotFoundError: the package is not installed; the message says what to do.
    """
    if importlib.util.find_spec("rware") is None:
        raise ModuleNotFoundError(
            "the warehouse needs the package rware; install the extra 'rware' of ding-alma: `uv sync --extra rware`",
            name="rware",
        )
    return importlib.import_module("rware.warehouse")
