"""Batches of random numbers for properties that hold for any."""

import torch

from ding_alma.model.value.value_network import ValueShape
from ding_alma.rl.batch import EpisodeBatch

AGENTS, ENTITIES, SUBTASKS, ACTIONS, FEATURES = 4, 7, 3, 5, 6
SHAPE = ValueShape(FEATURES, ACTIONS, SUBTASKS, 16, 4, 12, 16, 8)


def random_batch(rows=3, steps=6, seed=0):
    """Rows of unrelated steps: everything is drawn anew at every one."""
    g = torch.Generator().manual_seed(seed)
    shape = (rows, steps)

    def flip(*size, p=0.5):
        return torch.rand(*shape, *size, generator=g) < p

    def pick(high, *size):
        return torch.randint(high, (*shape, *size), generator=g)

    exists = flip(ENTITIES, p=0.8)
    exists[..., 0] = True
    entity_subtask = pick(SUBTASKS, ENTITIES)
    entity_subtask[..., :AGENTS] = -1
    action_mask = flip(AGENTS, ACTIONS)
    action_mask[..., 0] = True
    return EpisodeBatch(
        entities=torch.randn(*shape, ENTITIES, FEATURES, generator=g),
        entity_mask=exists,
        obs_mask=flip(AGENTS, ENTITIES, p=0.8) & exists.unsqueeze(2),
        entity_subtask=entity_subtask,
        subtask_mask=flip(SUBTASKS, p=0.9),
        action_mask=action_mask,
        action_subtask=None,
        allocation=torch.where(exists[..., :AGENTS], pick(SUBTASKS, AGENTS), -1),
        action=pick(ACTIONS, AGENTS),
        last_action=pick(ACTIONS + 1, AGENTS) - 1,
        reward=torch.randn(shape, generator=g),
        subtask_reward=torch.randn(*shape, SUBTASKS, generator=g),
        terminated=flip(p=0.2),
        last_transition=flip(p=0.2),
        subtask_done=flip(SUBTASKS, p=0.2),
        decision=flip(p=0.5),
        valid=flip(p=0.8),
        collected_at=torch.zeros(rows, dtype=torch.int64),
    )
