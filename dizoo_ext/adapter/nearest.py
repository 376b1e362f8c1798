"""The hand-made allocation of those who say of no other: everybody works at what is nearest."""

import numpy as np


def nearest_subtasks(
    agent_places: np.ndarray, entity_places: np.ndarray, entity_subtask: np.ndarray, is_open: np.ndarray
) -> np.ndarray:
    """The open subtask of the entity that is nearest to each agent.

    Args:
        agent_places: (A, C).
        entity_places: (N, C) of entities that exist.
        entity_subtask: (N,) integers, -1 for none.
        is_open: (K,) bool.

    Returns:
        (A,) int64, -1 where no entity belongs to an open subtask.
    """
    matters = (entity_subtask >= 0) & is_open[entity_subtask]
    if not matters.any() or not agent_places.shape[1]:
        return np.full(len(agent_places), -1)
    offsets = agent_places[:, None] - entity_places[matters][None]
    return entity_subtask[matters][(offsets**2).sum(axis=2).argmin(axis=1)]
