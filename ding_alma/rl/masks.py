"""Who may look at whom, and what an agent may do. Masks are boolean, True = visible / available."""

import torch
from torch import Tensor


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
    asking = subtask[..., :queries].unsqueeze(-1)
    return (asking == subtask.unsqueeze(-2)) & (asking >= 0)


def both_exist(entity_mask: Tensor, queries: int) -> Tensor:
    """Pairs of which both exist. Args: entity_mask (..., E) bool. Returns (..., queries, E) bool."""
    return entity_mask[..., :queries].unsqueeze(-1) & entity_mask.unsqueeze(-2)


def available_actions(action_mask: Tensor, action_subtask: Tensor | None, allocation: Tensor) -> Tensor:
    """Legal actions that fit the agent's subtask (reference, action selectors).

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
