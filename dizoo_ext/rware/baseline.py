"""A hand-made team of robots: fetch the allocated shelf, bring it to a goal, put it where there is room."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dizoo_ext.adapter.paths import first_step
from dizoo_ext.rware.game import DOWN, EAST, FORWARD, LEFT, OFFSETS, RIGHT, TOGGLE, UP, WAIT, WEST
from dizoo_ext.rware.view import WarehouseView

_CLOCKWISE = (UP, EAST, DOWN, WEST)


def scripted_actions(view: WarehouseView, observation: Mapping[str, np.ndarray]) -> np.ndarray:
    """Joint action (A,) of robots that follow ``heuristic_allocation`` and go round each other where they can."""
    game = view.game
    generator = np.random.default_rng(game.inner._cur_steps)
    standing, taken = game.is_standing_shelf(), game.is_robot()
    actions = np.full(len(observation["heuristic_allocation"]), WAIT)
    for index, robot in enumerate(game.inner.agents):
        goals = _goals(view, robot, int(observation["heuristic_allocation"][index]))
        here = (robot.y, robot.x)
        if goals[here]:
            actions[index] = TOGGLE
        else:
            free = ~(standing if robot.carrying_shelf else np.zeros_like(standing))
            direction = first_step(here, goals, free & ~taken)
            actions[index] = _towards(robot.dir.value, direction)
            if direction is None:
                # Now and then somebody gives way.
                actions[index] = generator.choice([WAIT, FORWARD, LEFT, RIGHT])
        if not observation["action_mask"][index, actions[index]]:
            actions[index] = WAIT
        if actions[index] == FORWARD:
            taken[tuple(np.add(here, OFFSETS[robot.dir.value]))] = True
    return actions


def _goals(view: WarehouseView, robot: Any, request: int) -> np.ndarray:
    """(H, W) bool: where the robot wants to be; arrived, it lifts or puts down a shelf."""
    game = view.game
    goals = np.zeros((game.height, game.width), np.bool_)
    if robot.carrying_shelf in view.requests:
        for column, row in game.inner.goals:
            goals[row, column] = True
    elif robot.carrying_shelf:
        goals = game.is_storage() & ~game.is_standing_shelf()
    elif request >= 0:
        shelf = view.requests[request]
        goals[shelf.y, shelf.x] = game.is_standing_shelf()[shelf.y, shelf.x]
    return goals


def _towards(facing: int, direction: int | None) -> int:
    """The action that brings a robot on its way: turn, or go."""
    if direction is None:
        return WAIT
    turns = (_CLOCKWISE.index(direction) - _CLOCKWISE.index(facing)) % 4
    return (FORWARD, RIGHT, RIGHT, LEFT)[turns]
