"""The layout of the flat view."""

import numpy as np
import pytest

from dizoo_ext.contract import EntitySpec
from dizoo_ext.flat_view import flat_view

N, A, E, F, U = 3, 2, 5, 4, 6


@pytest.fixture
def batch() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "entities": generator.normal(size=(N, E, F)).astype(np.float32),
        "entity_mask": np.array([[1, 1, 1, 1, 1], [1, 0, 1, 1, 0], [0, 0, 1, 1, 1]], bool),
        "obs_mask": generator.random((N, A, E)) < 0.6,
        "last_action": np.array([[-1, 0], [5, 3], [2, 1]]),
    }


def expected_row(batch: dict, k: int, agent: int) -> np.ndarray:
    seen = [
        features if is_seen else 0 * features
        for features, is_seen in zip(batch["entities"][k], batch["obs_mask"][k, agent], strict=True)
    ]
    action = np.eye(U)[batch["last_action"][k, agent]] if batch["last_action"][k, agent] >= 0 else np.zeros(U)
    row = np.concatenate([batch["entities"][k, agent], *seen, action])
    return np.concatenate([row if batch["entity_mask"][k, agent] else 0 * row, np.eye(A)[agent]])


def test_rows_hold_self_seen_entities_last_action_and_index(batch):
    agent_state, global_state = flat_view(**batch, actions=U)
    spec = EntitySpec(agents=A, entities=E, subtasks=1, actions=U, features=F, episode_limit=1)
    assert agent_state.shape == (N, A, spec.agent_state_size) and agent_state.dtype == np.float32
    assert global_state.shape == (N, spec.global_state_size) and global_state.dtype == np.float32
    for k in range(N):
        for agent in range(A):
            np.testing.assert_array_equal(agent_state[k, agent], expected_row(batch, k, agent).astype(np.float32))
        np.testing.assert_array_equal(global_state[k], batch["entities"][k].ravel())


def test_the_global_state_is_a_copy(batch):
    _, global_state = flat_view(**batch, actions=U)
    assert not np.shares_memory(global_state, batch["entities"])
