"""What the low level's networks are shown: input rows, visibility and groups, by kind of subtask conditioning."""

import torch
from torch import Tensor

from ding_alma.model.agent import SubtaskLabel
from ding_alma.model.decision_state import one_hot
from ding_alma.rl.masks import both_exist, same_subtask


def entity_inputs(entities: Tensor, last_action: Tensor, actions: int) -> Tensor:
    """Features followed by the one-hot last action, which is zero for non-agents and where it is -1.

    Args: entities (N, E, F) float32; last_action (N, A) int64; actions, U or 0 to leave the last action out. Returns
    (N, E, F + actions).
    """
    if not actions:
        return entities
    steps, rows, features = entities.shape
    inputs = entities.new_empty(steps, rows, features + actions)
    inputs[..., :features] = entities
    inputs[..., features:] = 0
    agents = last_action.shape[1]
    inputs[:, :agents, features:] = one_hot(last_action, actions)
    return inputs


def agent_allowed(conditioning: str, obs_mask: Tensor, subtask: Tensor) -> Tensor:
    """What every agent sees: (..., A, E) bool of obs_mask (..., A, E) bool and subtask (..., E) int64."""
    return obs_mask & same_subtask(subtask, obs_mask.shape[-2]) if conditioning == "mask" else obs_mask


def mixer_allowed(conditioning: str, entity_mask: Tensor, subtask: Tensor, agents: int) -> Tensor:
    """What the mixer sees from every agent: (..., A, E) bool.

    Under subtask masks the dead of the own subtask stay visible, as in the reference (quirk Q9).
    """
    return same_subtask(subtask, agents) if conditioning == "mask" else both_exist(entity_mask, agents)


def mixer_inputs(conditioning: str, inputs: Tensor, subtask: Tensor, subtasks: int) -> Tensor:
    """Args: inputs (N, E, F + U); subtask (N, E) int64. Returns inputs with one-hot subtasks if these are embedded."""
    return torch.cat([inputs, one_hot(subtask, subtasks)], -1) if conditioning == "embed" else inputs


def mixer_gate(conditioning: str, allocation: Tensor, subtasks: int) -> Tensor:
    """Agents of every group: (..., A, G) float32 of allocation (..., A) int64, one group of all agents if flat."""
    return torch.ones_like(allocation[..., None]).float() if conditioning == "none" else one_hot(allocation, subtasks)


def subtask_label(subtask: Tensor, subtasks: int, permutation: Tensor | None) -> SubtaskLabel | None:
    """Label of entities' subtasks (N, E) int64 for a network with an embedding; None without a permutation."""
    return None if permutation is None else SubtaskLabel(one_hot(subtask, subtasks), permutation)
