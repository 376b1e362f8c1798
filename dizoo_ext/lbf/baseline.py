"""A hand-made player of Level-Based Foraging: everybody walks to the food allocated to it and loads it."""

from collections.abc import Mapping

import numpy as np

from dizoo_ext.adapter.paths import STEPS, first_step
from dizoo_ext.lbf.game import EAST, LOAD, NORTH, SOUTH, STAY, WEST
from dizoo_ext.lbf.view import ForagingView

_MOVES = (NORTH, SOUTH, WEST, EAST)


def scripted_actions(view: ForagingView, observation: Mapping[str, np.ndarray]) -> np.ndarray:
    """Joint action (A,) of agents that follow ``heuristic_allocation``; agents do not walk into each other."""
    players = view.game.inner.players
    actions = np.full(len(observation["heuristic_allocation"]), STAY)
    taken = view.game.inner.field > 0
    for player in players:
        taken[player.position] = True
    for agent, player in enumerate(players):
        food = observation["heuristic_allocation"][agent]
        if food < 0:
            continue
        beside = np.zeros_like(taken)
        for step in STEPS:
            cell = view.foods[food] + step
            if (cell >= 0).all() and (cell < taken.shape).all():
                beside[tuple(cell)] = True
        if beside[player.position]:
            actions[agent] = LOAD
            continue
        step_number = first_step(player.position, beside, ~taken)
        if step_number is not None:
            actions[agent] = _MOVES[step_number]
            taken[tuple(np.add(player.position, STEPS[step_number]))] = True
    return actions
