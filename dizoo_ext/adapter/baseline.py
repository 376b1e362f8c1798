"""Plays whole episodes of adapted games by hand-made rules, for reference values."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dizoo_ext.adapter.vector import GameVector
from dizoo_ext.strict_config import check_range


def play_baseline(
    env: GameVector, choose: Callable[[Any, Mapping[str, np.ndarray]], np.ndarray], episodes: int = 100, seed: int = 0
) -> dict[str, float]:
    """Mean metrics of episodes played by ``choose``.

    Args:
        env: its first game is seeded with ``seed`` and plays all episodes.
        choose: from the game's `View` and the observation of the contract, without a batch axis, to the joint action
            (A,).

    Returns:
        The names of ``episode_info`` -> means.
    """
    check_range(episodes, "episodes", minimum=1)
    row = np.array([0])
    env.seed([seed], row)
    metrics: list[dict[str, float]] = []
    for _ in range(episodes):
        observation = env.reset(row)
        while True:
            action = choose(env.view(), {key: value[0] for key, value in observation.items()})
            step = env.step(action[None], row)
            observation = step.observation
            if step.done[0]:
                metrics.append(step.episode_info[0])
                break
    return {name: float(np.mean([each[name] for each in metrics])) for name in metrics[0]}
