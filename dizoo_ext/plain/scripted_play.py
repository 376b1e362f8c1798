"""Plays whole episodes of a vector environment by hand-made rules, for the reference lines in reports."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from dizoo_ext.strict_config import check_range
from dizoo_ext.vector_env import VectorEnv

Env = TypeVar("Env", bound=VectorEnv)


def play_scripted(
    env: Env,
    allocate: Callable[[Env, np.ndarray], np.ndarray],
    act: Callable[[Env, np.ndarray, np.ndarray], np.ndarray],
    period: int,
    episodes: int,
    seed: int = 0,
) -> dict[str, float]:
    """Mean metrics of teams whose members are allocated to subtasks by one rule and act by another.

    Args:
        env: its random streams are started anew with ``seed``, ``seed + 1``, ...
        allocate: from the environment and the rows (n,) in which a decision is due to allocations (n, A), -1 for none.
        act: from the environment, rows (n,) and their allocations (n, A) to joint actions (n, A).
        period: steps between allocations; they are also renewed whenever a subtask begins or ends.
        episodes: played in total, spread evenly over the batch, so that short episodes are not favoured.

    Returns:
        The names of ``episode_info`` -> means over the episodes in which they are defined.
    """
    check_range(period, "period", minimum=1)
    check_range(episodes, "episodes", minimum=1)
    left = np.full(env.num_envs, episodes // env.num_envs)
    left[: episodes % env.num_envs] += 1
    rows = np.flatnonzero(left)
    env.seed(range(seed, seed + env.num_envs))
    env.reset(rows)
    allocation = np.full((env.num_envs, env.spec.agents), -1)
    age = np.zeros(env.num_envs, np.int64)
    metrics: list[dict[str, float]] = []
    while len(rows):
        due = rows[age[rows] % period == 0]
        allocation[due] = allocate(env, due)
        step = env.step(act(env, rows, allocation[rows]), rows)
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


def _mean(values: list[float]) -> float:
    defined = [value for value in values if value == value]
    return sum(defined) / len(defined) if defined else float("nan")
