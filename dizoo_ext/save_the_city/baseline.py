"""Plays whole episodes by hand-made rules, for the reference lines in reports."""

import numpy as np

from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.save_the_city.heuristic import coverage_rows, heuristic_rows, scripted_rows
from dizoo_ext.save_the_city.vector import SaveTheCityVector
from dizoo_ext.strict_config import check_choice, check_range

ALLOCATIONS = ("heuristic", "coverage", "random")


def play_baseline(
    env: SaveTheCityVector, allocation: str = "heuristic", period: int = 5, episodes: int = 500, seed: int = 0
) -> dict[str, float]:
    """Mean metrics of teams that follow a hand-made allocation by the scripted low-level policy.

    docs/reference/save_the_city.md#what-simple-play-reaches

    Args:
        env: its random streams are started anew with ``seed``, ``seed + 1``, ...
        allocation: 'heuristic', 'coverage', or 'random' (each agent any active building).
        period: steps between allocations; they are also renewed whenever a building is finished.
        episodes: played in total, spread evenly over the batch, so that short episodes are not favoured.

    Returns:
        The names of ``episode_info`` -> means over the episodes in which they are defined.
    """
    check_choice(allocation, ALLOCATIONS, "allocation")
    check_range(period, "period", minimum=1)
    check_range(episodes, "episodes", minimum=1)
    generator = np.random.default_rng([seed, ALLOCATIONS.index(allocation)])
    left = np.full(env.num_envs, episodes // env.num_envs)
    left[: episodes % env.num_envs] += 1
    rows = np.flatnonzero(left)
    env.seed(range(seed, seed + env.num_envs))
    env.reset(rows)
    chosen = np.full((env.num_envs, env.spec.agents), -1)
    age = np.zeros(env.num_envs, np.int64)
    metrics: list[dict[str, float]] = []
    while len(rows):
        due = rows[age[rows] % period == 0]
        chosen[due] = _allocate(env, due, allocation, generator)
        actions = np.empty((len(rows), env.spec.agents), np.int64)
        scripted_rows(env.cities, rows, chosen[rows], actions)
        step = env.step(actions, rows)
        age[rows] += 1
        age[rows[step.subtasks_changed | step.done]] = 0
        metrics.extend(step.episode_info.values())
        ended = rows[step.done]
        left[ended] -= 1
        again = ended[left[ended] > 0]
        if len(again):
            env.reset(again)
        rows = rows[left[rows] > 0]
    return {name: _mean([each[name] for each in metrics]) for name in metrics[0]}


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


def _mean(values: list[float]) -> float:
    defined = [value for value in values if value == value]
    return sum(defined) / len(defined) if defined else float("nan")
