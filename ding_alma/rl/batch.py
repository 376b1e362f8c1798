"""The one layout in which experience reaches the losses."""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class HostSteps:
    """What the shapes of a batch's computations follow from, (B, T) bool each, on the CPU wherever the batch is.

    To look at the batch's own fields instead would mean waiting for its device.
    """

    decision: Tensor
    """As in `EpisodeBatch`."""
    valid: Tensor
    """As in `EpisodeBatch`."""
    first: Tensor
    """An episode starts here."""


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

    on_host: HostSteps | None = None
    """Kept beside a batch on another device; None on the CPU, where `host_steps` makes it."""

    def host_steps(self) -> HostSteps:
        """Steps as the host knows them; waits for a device that the batch has not been moved to by `to`."""
        if self.on_host is not None:
            return self.on_host
        return HostSteps(self.decision.cpu(), self.valid.cpu(), (self.last_action < 0).all(-1).cpu())

    def to(self, device: torch.device | str) -> "EpisodeBatch":
        """The same batch on another device, without waiting for it."""
        if self.entities.device == torch.device(device):
            return self
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        moved = {k: v.to(device, non_blocking=True) for k, v in parts.items() if isinstance(v, Tensor)}
        return replace(self, on_host=self.host_steps(), **moved)

    def deciding_at_first(self) -> "EpisodeBatch":
        """The same batch with a decision at the first step of every row at which a transition starts."""
        steps = self.host_steps()
        decision = steps.decision.clone()
        decision[:, 0] |= steps.valid[:, 0]
        moved = decision.to(self.decision.device, non_blocking=True)
        return replace(self, decision=moved, on_host=replace(steps, decision=decision))
