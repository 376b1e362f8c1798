"""A staged city: one team around one building in the open, the other buildings out of reach and quiet."""

import numpy as np

from dizoo_ext.save_the_city.city import AGENT_LETTERS, FAST
from dizoo_ext.save_the_city.vector import SaveTheCityVector

HOUSE = (4, 4)
SIDES = ((0, 1), (1, 0), (0, -1), (-1, 0))


def stage(team: str, fire: float = 0.0, health: float = 0.5, kind: int = FAST, **options) -> SaveTheCityVector:
    """One environment whose agents stand N, E, S, W of building 0; no fire is due for a long time."""
    env = SaveTheCityVector(1, scenario=[team], observation="entities", **options)
    env.seed([0])
    env.reset()
    city = env.cities[0]
    buildings = len(team) + 1
    city["building_x"][:buildings], city["building_y"][:buildings] = far_cells(buildings)
    city["building_x"][0], city["building_y"][0] = HOUSE
    for agent, (dx, dy) in enumerate(SIDES[: len(team)]):
        city["agent_x"][agent], city["agent_y"][agent] = HOUSE[0] + dx, HOUSE[1] + dy
    city["health"][:buildings], city["fire"][:buildings] = 0.5, 0.0
    city["health"][0], city["fire"][0], city["building_type"][0] = health, fire, kind
    city["period"][:buildings] = city["time_to_next_fire"][:buildings] = 1000
    env.refresh()
    return env


def far_cells(count: int) -> tuple[list[int], list[int]]:
    return [13] * count, [13 - 3 * k for k in range(count)]


def act(env: SaveTheCityVector, *actions: int):
    """One step of the only environment, one action per agent."""
    return env.step(np.array([actions]))


def types_of(team: str) -> list[int]:
    return [AGENT_LETTERS[letter] for letter in team]
