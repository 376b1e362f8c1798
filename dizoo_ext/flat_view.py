"""The flat view of an observation: one vector per agent and one for the whole, read by DI-engine's own policies."""

import numpy as np
from numba import njit

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)


def flat_view(
    entities: np.ndarray, entity_mask: np.ndarray, obs_mask: np.ndarray, last_action: np.ndarray, actions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Flatten a batch of observations; sizes as in `dizoo_ext.contract.EntitySpec`.

    A row of ``agent_state`` is the agent's own features, every entity's features (zeros for those it does not see), its
    previous action as one-hot and its index as one-hot. The row of an absent agent holds nothing but its index.
    ``global_state`` is every entity's row.

    Args:
        entities: (n, E, F) float32, agents first.
        entity_mask: (n, E) bool.
        obs_mask: (n, A, E) bool.
        last_action: (n, A) integers, -1 before the first step.
        actions: U.

    Returns:
        agent_state (n, A, F (1 + E) + U + A) float32 and global_state (n, E F) float32, freshly allocated.
    """
    n, agents, count = obs_mask.shape
    features = entities.shape[2]
    agent_state = np.empty((n, agents, features * (1 + count) + actions + agents), np.float32)
    _write_agent_state(entities, entity_mask, obs_mask, last_action, actions, agent_state)
    return agent_state, entities.reshape(n, count * features).copy()


@njit(cache=True, nogil=True)
def _write_agent_state(entities, entity_mask, obs_mask, last_action, actions, agent_state):
    n, agents, count = obs_mask.shape
    features = entities.shape[2]
    tail = features * (1 + count)
    for k in range(n):
        for i in range(agents):
            row = agent_state[k, i]
            row[tail:] = 0.0
            row[tail + actions + i] = 1.0
            if not entity_mask[k, i]:
                row[:tail] = 0.0
                continue
            # Number by number: for an array copied into a slice, numba compiles the text of a message for seconds.
            for f in range(features):
                row[f] = entities[k, i, f]
            for e in range(count):
                start = features * (1 + e)
                is_seen = obs_mask[k, i, e]
                for f in range(features):
                    row[start + f] = entities[k, e, f] if is_seen else np.float32(0)
            if last_action[k, i] >= 0:
                row[tail + last_action[k, i]] = 1.0
