"""The one layout in which experience reaches the losses."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class EpisodeBatch:
    """B rows of T consecutive stored steps; a row may straddle episodes.

    An episode of L transitions is stored as L + 1 steps. The last one, the *final* observation, has no transition of
    its own: it is not ``valid`` and its reward, terminated, subtask_done, last_transition and decision are all zero.
    Masks are boolean, True = exists / visible / allowed.
    """

    entities: Tensor
    """(B, T, E, F) float32, agents first."""
    entity_mask: Tensor
    """(B, T, E) bool."""
    obs_mask: Tensor
    """(B, T, A, E) bool."""
    entity_subtask: Tensor
    """(B, T, E) int64, -1 for none and for agents."""
    subtask_mask: Tensor
    """(B, T, K) bool, present and unfinished."""
    action_mask: Tensor
    """(B, T, A, U) bool, legal before subtask ties are looked at."""
    action_subtask: Tensor | None
    """(B, T, A, U) int64 ties of actions (see `dizoo_ext.contract`), None where the environment's ties are not used."""
    allocation: Tensor
    """(B, T, A) int64, subtask each agent was allocated to, -1 for none."""
    action: Tensor
    """(B, T, A) int64."""
    last_action: Tensor
    """(B, T, A) int64, -1 at the first step of an episode."""
    reward: Tensor
    """(B, T) float32, global."""
    subtask_reward: Tensor
    """(B, T, K) float32."""
    terminated: Tensor
    """(B, T) bool, the transition ended the episode and not by time limit."""
    last_transition: Tensor
    """(B, T) bool, the transition ended the episode, however."""
    subtask_done: Tensor
    """(B, T, K) bool, finished or absent after the transition."""
    decision: Tensor
    """(B, T) bool, allocations were decided anew at this step."""
    valid: Tensor
    """(B, T) bool, a real transition starts here (neither padding nor a final observation)."""
    collected_at: Tensor
    """(B,) int64, environment-step counter when the episode's collection began."""
    groups: Tensor | None = None
    """(B, T, E) int64 true group of every entity, -1 for none; None where the environment's groups are not used."""

    def to(self, device: torch.device | str) -> "EpisodeBatch":
        """The same batch on another device."""
        moved = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device, non_blocking=True) for k, v in moved.items() if v is not None})
