"""The one layout in which experience reaches the losses."""

from dataclasses import dataclass, fields, replace
from typing import Any

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
    is_fixed: bool = False
    """Of the form that `fixed` makes, of whose content the host knows nothing."""

    def host_steps(self) -> HostSteps:
        """Steps as the host knows them; waits for a device that the batch has not been moved to by `to`.

        Raises:
            RuntimeError: the batch is of fixed form, so that nothing may depend on its content but through tensors.
        """
        if self.is_fixed:
            raise RuntimeError("the host does not know the content of a batch of fixed form")
        if self.on_host is not None:
            return self.on_host
        return HostSteps(self.decision.cpu(), self.valid.cpu(), _starts_episode(self.last_action).cpu())

    def decision_places(self) -> Tensor:
        """(D,) int64 of the B T steps, those at which something is decided, on the batch's device."""
        places = self.host_steps().decision.flatten().nonzero().squeeze(1)
        return places.to(self.decision.device, non_blocking=True)

    def first(self) -> Tensor:
        """(B, T) bool, an episode starts here: on the CPU, but for a batch of fixed form."""
        return _starts_episode(self.last_action) if self.is_fixed else self.host_steps().first

    def to(self, device: torch.device | str) -> "EpisodeBatch":
        """The same batch on another device, without waiting for it."""
        if self.entities.device == torch.device(device):
            return self
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        moved: dict[str, Any] = {k: v.to(device, non_blocking=True) for k, v in parts.items() if isinstance(v, Tensor)}
        return replace(self, on_host=self.host_steps(), **moved)

    def deciding_at_first(self) -> "EpisodeBatch":
        """The same batch with a decision at the first step of every row at which a transition starts."""
        steps = self.host_steps()
        decision = steps.decision.clone()
        decision[:, 0] |= steps.valid[:, 0]
        moved = decision.to(self.decision.device, non_blocking=True)
        return replace(self, decision=moved, on_host=replace(steps, decision=decision))

    def fixed(self, steps: int) -> "EpisodeBatch":
        """The same batch in a form in which all batches are alike but for the content of their tensors.

        Args: steps, of every row: T or more. Rows of less are whole episodes, filled up with copies of their last step
        as shorter episodes beside longer ones are.
        """
        parts: dict[str, Any] = {}
        for f in fields(self):
            part = getattr(self, f.name)
            if isinstance(part, Tensor) and f.name != "collected_at" and part.shape[1] < steps:
                filling = part[:, -1:].expand(-1, steps - part.shape[1], *part.shape[2:])
                parts[f.name] = torch.cat([part, filling], 1)
        return replace(self, on_host=None, is_fixed=True, **parts)


def _starts_episode(last_action: Tensor) -> Tensor:
    return (last_action < 0).all(-1)
