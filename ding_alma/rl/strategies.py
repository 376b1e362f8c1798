"""COPA: strategies over a batch of episodes and their losses (docs/reference/copa.md#recognition-and-its-losses)."""

import math

import torch
from torch import Tensor

from ding_alma.model.attention.attention_plan import plan_attention
from ding_alma.model.processes import mean_count
from ding_alma.model.value.copa import Coach, Gaussian, Recognition, hold
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.network_inputs import both_exist, same_subtask, subtask_label, subtask_of_entities
from ding_alma.rl.refil import Split


def coach_allowed(labelled: bool, entity_mask: Tensor, subtask: Tensor, agents: int) -> Tensor:
    """What the coach sees from every agent, (..., A, E) bool: everything that exists if subtasks are shown by labels,
    the own subtask otherwise."""
    return both_exist(entity_mask, agents) if labelled else same_subtask(subtask, agents)


def coach_batch(coach: Coach, batch: EpisodeBatch, permutation: Tensor | None, split: Split | None = None) -> Gaussian:
    """Strategies at the D decision steps of a batch, ordered by row, then time: two tensors (V, D, A, Z).

    V is 3 with a ``split`` (real, within, between), else 1. In a batch of fixed form every step counts as one of
    decision, D = B T; `hold` then takes what it needs.
    """
    at = slice(None) if batch.is_fixed else batch.decision_places()
    agents, subtasks = batch.allocation.shape[-1], batch.subtask_mask.shape[-1]
    entity_mask = batch.entity_mask.flatten(0, 1)[at]
    subtask = subtask_of_entities(batch.allocation, batch.entity_subtask).flatten(0, 1)[at]
    seen = coach_allowed(coach.encoder.embedding is not None, entity_mask, subtask, agents)
    views = [seen]
    if split is not None:
        views += [seen & pairs[at] for pairs in split.steps(batch.decision.shape[1])]
    plan = plan_attention(torch.stack(views), entity_mask[:, :agents])
    return coach(batch.entities.flatten(0, 1)[at], plan, subtask_label(subtask, subtasks, permutation))


def held_strategy(gaussian: Gaussian, noise: Tensor, decision: Tensor) -> Tensor:
    """Sampled strategies held between decisions. Args: noise (V, D, A, Z), D as in `hold`. Returns (V, B T, A, Z)."""
    return hold(gaussian.sample(noise), decision).flatten(1, 2)


def broadcast(new: Tensor, held: Tensor, present: Tensor, first: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Send new strategies only to agents whose held one is further away than ``threshold``
    (docs/reference/copa.md#adaptive-communication). At an episode's first decision everybody receives.

    Args: new and held (N, A, Z); present (N, A) bool; first (N,) bool. Returns the strategies (N, A, Z) then held, and
    which agents received one, (N, A) bool.
    """
    far = (new - held).norm(dim=-1) > threshold
    receives = present & (far | first.unsqueeze(1))
    return torch.where(receives.unsqueeze(-1), new, held), receives


def recognise(
    recognition: Recognition, batch: EpisodeBatch, permutation: Tensor | None, query_mask: Tensor
) -> Gaussian:
    """Recognised strategies at every step: two tensors (B T, A, Z). Args: query_mask (B T, A) bool."""
    agents, subtasks = batch.allocation.shape[-1], batch.subtask_mask.shape[-1]
    subtask = subtask_of_entities(batch.allocation, batch.entity_subtask).flatten(0, 1)
    labelled = recognition.encoder.embedding is not None
    seen = coach_allowed(labelled, batch.entity_mask.flatten(0, 1), subtask, agents)
    plan = plan_attention(seen.unsqueeze(0), query_mask)
    label = subtask_label(subtask, subtasks, permutation)
    guess = recognition(batch.entities.flatten(0, 1), batch.action.flatten(0, 1), plan, label)
    return Gaussian(guess.mean.squeeze(0), guess.log_variance.squeeze(0))


def strategy_losses(
    strategy: Tensor, guess: Gaussian, coach: Gaussian, present: Tensor, counts: Tensor
) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of the held strategies under the recognition, and negative entropy of the coach.

    Args:
        strategy, guess and coach: (N, A, Z), all held.
        present: (N, A) bool, agents that count.
        counts: (N,) bool, steps that count.

    Returns:
        Two scalars, means over steps of means over present agents.
    """
    deviation = (strategy - guess.mean) / (guess.log_variance / 2).exp()
    likelihood = -(deviation.square() + guess.log_variance + math.log(2 * math.pi)) / 2
    entropy = (coach.log_variance + math.log(2 * math.pi * math.e)) / 2
    present, counts = present.float(), counts.float()
    weight = present * (counts / (present.sum(-1) + 1e-8)).unsqueeze(-1) / mean_count(counts)
    return (
        -(likelihood.clamp(-1000, 0).sum(-1) * weight).sum(),
        -(entropy.clamp(0, 10).sum(-1) * weight).sum(),
    )
