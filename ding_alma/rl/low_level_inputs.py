"""What the low level's networks are shown: input rows, visibility and groups, by kind of subtask conditioning."""

import torch
from torch import Tensor

from ding_alma.model.agent import SubtaskLabel
from ding_alma.model.decision_state import one_hot
from ding_alma.model.entity_inputs import EntityInputs
from ding_alma.rl.masks import both_exist, same_subtask


def agent_allowed(conditioning: str, obs_mask: Tensor, subtask: Tensor) -> Tensor:
    """What every agent sees: (..., A, E) bool of obs_mask (..., A, E) bool and subtask (..., E) int64."""
    return obs_mask & same_subtask(subtask, obs_mask.shape[-2]) if conditioning == "mask" else obs_mask


def mixer_allowed(conditioning: str, entity_mask: Tensor, subtask: Tensor, agents: int) -> Tensor:
    """What the mixer sees from every agent: (..., A, E) bool.

    Under subtask masks the dead of the own subtask stay visible, as in the reference (quirk Q9).
    """
    return same_subtask(subtask, agents) if conditioning == "mask" else both_exist(entity_mask, agents)


def mixer_inputs(conditioning: str, inputs: EntityInputs, subtask: Tensor, subtasks: int) -> EntityInputs:
    """The inputs, with one-hot subtasks of (N, E) int64 if these are embedded."""
    return inputs.with_columns(one_hot(subtask, subtasks)) if conditioning == "embed" else inputs


def mixer_membership(conditioning: str, allocation: Tensor) -> Tensor:
    """Group of every agent: (..., A) int64 of allocation (..., A) int64, -1 for none; one group of all if flat."""
    return torch.zeros_like(allocation) if conditioning == "none" else allocation


def subtask_label(subtask: Tensor, subtasks: int, permutation: Tensor | None) -> SubtaskLabel | None:
    """Label of entities' subtasks (N, E) int64 for a network with an embedding; None without a permutation."""
    return None if permutation is None else SubtaskLabel(one_hot(subtask, subtasks), permutation)
