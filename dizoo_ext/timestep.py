"""Rows of a batch of environments in the form that DI-engine's collectors and evaluators read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from ding.envs import BaseEnvTimestep

from dizoo_ext.vector_env import Observation, VectorStep


def observation_rows(observation: Observation) -> list[dict[str, np.ndarray]]:
    """Split a batch's observation into one dict per environment; the values are views, nothing is copied."""
    keys = tuple(observation)
    return [dict(zip(keys, row, strict=True)) for row in zip(*map(list, observation.values()), strict=True)]


def timestep_rows(step: VectorStep, eval_metric: str) -> list[BaseEnvTimestep]:
    """Turn each row of a batch's step into a timestep ``(obs, reward, done, info)``.

    ``reward`` is float32 (1,). ``info`` holds only what DI-engine can turn into tensors: ``subtask_reward`` (K,)
    float32, ``subtask_done`` (K,) bool, ``subtasks_changed`` and ``time_limit`` bool, and at the end of an episode
    ``episode_info`` (name -> float) and ``eval_episode_return``, the entry of it named by ``eval_metric``.

    Raises:
        ValueError: ``eval_metric`` is not among the environment's metrics.
    """
    dones = step.done.tolist()
    rows = []
    for row, values in enumerate(
        zip(
            observation_rows(step.observation),
            step.reward.astype(np.float32)[:, None],
            dones,
            step.subtask_reward.astype(np.float32),
            step.subtask_done,
            step.subtasks_changed.tolist(),
            step.time_limit.tolist(),
            strict=True,
        )
    ):
        observation, reward, done, subtask_reward, subtask_done, subtasks_changed, time_limit = values
        info: dict[str, Any] = {
            "subtask_reward": subtask_reward,
            "subtask_done": subtask_done,
            "subtasks_changed": subtasks_changed,
            "time_limit": time_limit,
        }
        if done:
            info["episode_info"] = {name: float(value) for name, value in step.episode_info[row].items()}
            info["eval_episode_return"] = episode_return(step.episode_info[row], eval_metric)
        rows.append(BaseEnvTimestep(observation, reward, done, info))
    return rows


def episode_return(episode_info: Mapping[str, float], eval_metric: str) -> float:
    """The metric of a finished episode that counts as its return.

    Raises:
        ValueError: ``eval_metric`` is not among the environment's metrics.
    """
    if eval_metric not in episode_info:
        raise ValueError(f"env.eval_metric must be one of {sorted(episode_info)}, got {eval_metric!r}")
    return float(episode_info[eval_metric])
