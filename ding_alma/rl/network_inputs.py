"""What networks are shown and what agents may do: input rows, who sees whom, who is mixed with whom.

Masks are boolean, True = visible / available. ``conditioning`` is how a policy tells its networks of subtasks: 'mask'
(ALMA), 'embed' or 'full_obs' (its ablations), 'none' (policies without allocation).
"""

import torch
from torch import Tensor

from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.one_hot import one_hot
from ding_alma.model.value.agent import SubtaskLabel


def subtask_of_entities(allocation: Tensor, entity_subtask: Tensor) -> Tensor:
    """The subtask of every entity: an agent's is its allocation.

    Args: allocation (..., A) int64 and entity_subtask (..., E) int64, -1 for none. Returns (..., E) int64.
    """
    return torch.cat([allocation, entity_subtask[..., allocation.shape[-1] :]], -1)


def same_subtask(subtask: Tensor, queries: int) -> Tensor:
    """Pairs that share a subtask; an entity of none shares it with nobody, itself included.

    Args: subtask (..., E) int64, -1 for none; queries, number of leading entities that ask.
    Returns (..., queries, E) bool.
    """
    asking = subtask[..., :queries]
    # No entity's subtask is -2, so that one comparison of all pairs is enough.
    return asking.masked_fill(asking < 0, -2).unsqueeze(-1) == subtask.unsqueeze(-2)


def both_exist(entity_mask: Tensor, queries: int) -> Tensor:
    """Pairs of which both exist. Args: entity_mask (..., E) bool. Returns (..., queries, E) bool."""
    return entity_mask[..., :queries].unsqueeze(-1) & entity_mask.unsqueeze(-2)


def available_actions(action_mask: Tensor, action_subtask: Tensor | None, allocation: Tensor) -> Tensor:
    """Legal actions that fit the agent's subtask (docs/reference/alma.md#available-actions).

    An agent without a subtask counts as one of subtask 0, as in the reference; only agents that are absent or died
    since the last decision are concerned.

    Args:
        action_mask: (..., A, U) bool.
        action_subtask: (..., A, U) int64, what an action is tied to: -1 nothing, k subtask k, -2 - i whatever subtask
            agent i is allocated to; None = ties are not used.
        allocation: (..., A) int64.

    Returns:
        (..., A, U) bool.
    """
    if action_subtask is None:
        return action_mask
    own = allocation.clamp_min(0)
    partner = (-2 - action_subtask).clamp_min(0)
    of_partner = own.unsqueeze(-2).expand(*own.shape, own.shape[-1]).gather(-1, partner)
    tied_to = torch.where(action_subtask >= -1, action_subtask, of_partner)
    return action_mask & ((tied_to == -1) | (tied_to == own.unsqueeze(-1)))


def agent_allowed(conditioning: str, obs_mask: Tensor, subtask: Tensor) -> Tensor:
    """What every agent sees: (..., A, E) bool of obs_mask (..., A, E) bool and subtask (..., E) int64."""
    return obs_mask & same_subtask(subtask, obs_mask.shape[-2]) if conditioning == "mask" else obs_mask


def mixer_allowed(conditioning: str, entity_mask: Tensor, subtask: Tensor, agents: int) -> Tensor:
    """What the mixer sees from every agent: (..., A, E) bool.

    Under subtask masks the dead of the own subtask stay visible, as in the reference (docs/reference/quirks.md#q9).
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
