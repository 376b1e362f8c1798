"""Agents while acting: strategies and utilities of a few environments, without gradient."""

import torch
from torch import Tensor

from ding_alma.model.attention.attention_plan import DensePlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.value.copa import Gaussian
from ding_alma.model.value.value_network import ValueNetwork
from ding_alma.rl.network_inputs import agent_allowed, subtask_label, subtask_of_entities
from ding_alma.rl.strategies import coach_allowed


@torch.no_grad()
def acting_utilities(
    networks: ValueNetwork,
    entities: Tensor,
    last_action: Tensor,
    entity_mask: Tensor,
    obs_mask: Tensor,
    entity_subtask: Tensor,
    allocation: Tensor,
    subtasks: int,
    permutation: Tensor | None = None,
    strategy: Tensor | None = None,
    memory: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Utilities of every action for N environments, zero for agents that are absent or dead, and agents' new memories.

    Args:
        networks: the live networks.
        entities: (N, E, F) float32, agents first.
        last_action: (N, A) int64, -1 at an episode's first step.
        entity_mask: (N, E) bool.
        obs_mask: (N, A, E) bool.
        entity_subtask: (N, E) int64, -1 for none and for agents.
        allocation: (N, A) int64, -1 for none.
        subtasks: K.
        permutation: (K + extra,) int64, fresh, for agents with embedded labels; None otherwise.
        strategy: (N, A, Z) held strategies of the coach, None without COPA.
        memory: (N, A, memory_dim) of the step before, zeros at an episode's first step; None where all are zero.

    Returns:
        Utilities (N, A, U) and memories (N, A, memory_dim).

    Raises:
        ValueError: a permutation or strategy that the networks need is missing.
    """
    if networks.agent.encoder.embedding is not None and permutation is None:
        raise ValueError("agents with embedded subtask labels need a permutation (see draw_permutation)")
    if networks.coach is not None and strategy is None:
        raise ValueError("agents with a coach need its strategies (see acting_strategies)")
    subtask = subtask_of_entities(allocation, entity_subtask)
    seen = agent_allowed(networks.conditioning, obs_mask, subtask)
    plan = DensePlan(seen.unsqueeze(0), entity_mask[:, : allocation.shape[1]])
    inputs = EntityInputs(entities, last_action, networks.shown_actions)
    label = subtask_label(subtask, subtasks, permutation)
    if memory is None:
        memory = entities.new_zeros(*allocation.shape, networks.agent.memory_dim)
    strategies = None if strategy is None else strategy.unsqueeze(0)
    utilities, memory = networks.agent.step(inputs, plan, memory, label, strategies)
    return utilities.squeeze(0), memory


@torch.no_grad()
def acting_strategies(
    networks: ValueNetwork,
    entities: Tensor,
    entity_mask: Tensor,
    entity_subtask: Tensor,
    allocation: Tensor,
    subtasks: int,
    permutation: Tensor | None = None,
) -> Gaussian:
    """The coach's strategies for the N environments that decide now: two tensors (N, A, Z).

    Training samples them, evaluation takes the mean.

    Args: as `acting_utilities`; ``permutation`` for a coach with embedded labels.

    Raises:
        ValueError: there is no coach, or it needs a permutation.
    """
    if networks.coach is None:
        raise ValueError("these networks have no coach")
    labelled = networks.coach.encoder.embedding is not None
    if labelled and permutation is None:
        raise ValueError("a coach with embedded subtask labels needs a permutation (see draw_permutation)")
    agents = allocation.shape[1]
    subtask = subtask_of_entities(allocation, entity_subtask)
    seen = coach_allowed(labelled, entity_mask, subtask, agents)
    plan = DensePlan(seen.unsqueeze(0), entity_mask[:, :agents])
    coach = networks.coach(entities, plan, subtask_label(subtask, subtasks, permutation))
    return Gaussian(coach.mean.squeeze(0), coach.log_variance.squeeze(0))
