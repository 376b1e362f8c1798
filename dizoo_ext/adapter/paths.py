"""Shortest ways through a grid, for hand-made players."""

from collections import deque

import numpy as np

STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1))
"""Row and column: up, down, left, right."""
Cell = tuple[int, int]


def first_step(start: Cell, goals: np.ndarray, is_free: np.ndarray) -> int | None:
    """The first step, an index of `STEPS`, of a shortest way to any goal.

    Args:
        start: a cell, which need not be free.
        goals: (H, W) bool; a goal is reached only if it is free.
        is_free: (H, W) bool.

    Returns:
        None if there is no way, or no need to go.
    """
    if goals[start]:
        return None
    came: dict[Cell, int] = {start: -1}
    queue = deque([start])
    while queue:
        row, column = cell = queue.popleft()
        for number, (down, right) in enumerate(STEPS):
            to = (row + down, column + right)
            inside = 0 <= to[0] < is_free.shape[0] and 0 <= to[1] < is_free.shape[1]
            if not inside or to in came or not is_free[to]:
                continue
            came[to] = number if cell == start else came[cell]
            if goals[to]:
                return came[to]
            queue.append(to)
    return None
