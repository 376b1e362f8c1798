"""Hand-made teams, for the reference lines in reports."""

import numpy as np

from dizoo_ext.plain.scripted_play import play_scripted
from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.save_the_city.heuristic import coverage_rows, heuristic_rows, scripted_rows
from dizoo_ext.save_the_city.vector import SaveTheCityVector
from dizoo_ext.strict_config import check_choice

ALLOCATIONS = ("heuristic", "coverage", "random")


def play_baseline(
    env: SaveTheCityVector, allocation: str = "heuristic", period: int = 5, episodes: int = 500, seed: int = 0
) -> dict[str, float]:
    """Mean metrics of teams that follow a hand-made allocation by the scripted low-level policy.

    docs/reference/save_the_city.md#what-simple-play-reaches

    Args:
        allocation: 'heuristic', 'coverage', or 'random' (each agent any active building).

    The other arguments and the result: see `dizoo_ext.plain.scripted_play.play_scripted`.
    """
    check_choice(allocation, ALLOCATIONS, "allocation")
    generator = np.random.default_rng([seed, ALLOCATIONS.index(allocation)])

    def allocate(env: SaveTheCityVector, rows: np.ndarray) -> np.ndarray:
        return _allocate(env, rows, allocation, generator)

    return play_scripted(env, allocate, _act, period, episodes, seed)


def _act(env: SaveTheCityVector, rows: np.ndarray, allocation: np.ndarray) -> np.ndarray:
    actions = np.empty(allocation.shape, np.int64)
    scripted_rows(env.cities, rows, allocation, actions)
    return actions


def _allocate(env: SaveTheCityVector, rows: np.ndarray, allocation: str, generator: np.random.Generator) -> np.ndarray:
    chosen = np.empty((len(rows), env.spec.agents), np.int64)
    if allocation == "heuristic":
        heuristic_rows(env.cities, rows, chosen)
    elif allocation == "coverage":
        coverage_rows(env.cities, rows, env.rules, chosen)
    else:
        cities = env.cities[rows]
        health = cities["health"][:, : env.spec.subtasks]
        is_present = np.arange(env.spec.subtasks) < cities["buildings"][:, None]
        active = is_present & (health > 0) & (health < 1)
        chosen[:] = random_legal_actions(np.repeat(active[:, None], env.spec.agents, axis=1), generator)
    return chosen
