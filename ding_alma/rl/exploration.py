"""Choosing allocations and actions while acting (docs/reference/alma.md#exploration). Nothing here tracks gradients.

Every function that draws takes a generator on the CPU (None: torch's own) or, in its place, the drawn numbers.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ding_alma.model.allocation.allocator import Allocator, ProposalDraws
from ding_alma.model.allocation.decision_state import DecisionState


@dataclass(frozen=True)
class ExplorationDraws:
    """What may replace the best proposal of N decisions."""

    random_allocation: Tensor
    """(N, A) int64, from `random_allocation`."""
    whole: Tensor
    """(N,) in [0, 1), compared with the probability of taking the first proposal as it is."""
    per_agent: Tensor
    """(N, A) in [0, 1), compared with the probability that an agent is allocated at random."""

    @classmethod
    def draw(cls, generator: torch.Generator | None, state: DecisionState) -> Self:
        """Fresh random numbers on the state's device."""
        device = state.entities.device
        return cls(
            random_allocation(state, generator),
            torch.rand(state.points, generator=generator).to(device, non_blocking=True),
            torch.rand(state.points, state.agents, generator=generator).to(device, non_blocking=True),
        )


@torch.no_grad()
def learned_allocation(
    allocator: Allocator,
    state: DecisionState,
    generator: torch.Generator | None = None,
    proposal_epsilon: float = 0.0,
    agent_epsilon: float = 0.0,
    proposal_draws: ProposalDraws | None = None,
    exploration_draws: ExplorationDraws | None = None,
) -> Tensor:
    """The best of P freshly sampled proposals, perhaps disturbed.

    Evaluation leaves both probabilities at zero and still is stochastic: seed the generator.

    Args:
        state: the environments that decide now.
        proposal_epsilon: probability of taking the first proposal whole, whatever its value.
        agent_epsilon: probability, per agent and overriding the former, of a uniformly random unfinished subtask.

    Returns:
        (N, A) int64, -1 for inactive agents.
    """
    if proposal_draws is None:
        proposal_draws = ProposalDraws.draw(generator, allocator, state)
    rated = allocator.propose(state, proposal_draws)
    allocation = rated.best_allocation
    if proposal_epsilon <= 0 and agent_epsilon <= 0:
        return allocation
    draws = exploration_draws or ExplorationDraws.draw(generator, state)
    whole = (draws.whole <= proposal_epsilon).unsqueeze(1)
    allocation = torch.where(whole, rated.proposals.allocation[:, 0], allocation)
    return torch.where(draws.per_agent <= agent_epsilon, draws.random_allocation, allocation)


@torch.no_grad()
def random_allocation(
    state: DecisionState, generator: torch.Generator | None = None, uniforms: Tensor | None = None
) -> Tensor:
    """Uniform over the unfinished subtasks, independently per active agent.

    Args:
        uniforms: (N, A) in [0, 1) in place of the generator.

    Returns:
        (N, A) int64, -1 for inactive agents and where every subtask is finished.
    """
    if uniforms is None:
        uniforms = torch.rand(state.points, state.agents, generator=generator)
    chosen = _pick(state.subtask_mask.unsqueeze(1).expand(-1, state.agents, -1), uniforms)
    return torch.where(state.active & state.subtask_mask.any(1, keepdim=True), chosen, -1)


def heuristic_allocation(active: Tensor, advice: Tensor) -> Tensor:
    """What the environment's hand-made rule advises, (N, A) int64, for the agents that are ``active``; -1 otherwise."""
    return torch.where(active, advice, -1)


@torch.no_grad()
def epsilon_greedy(
    utility: Tensor,
    available: Tensor,
    epsilon: float,
    generator: torch.Generator | None = None,
    coin: Tensor | None = None,
    uniforms: Tensor | None = None,
) -> Tensor:
    """Each agent's best available action, or with probability ``epsilon`` a uniformly random available one.

    Args:
        utility: (N, A, U).
        available: (N, A, U) bool, see `ding_alma.rl.network_inputs.available_actions`; every agent has an action.
        coin, uniforms: (N, A) in [0, 1) in place of the generator: whether to explore, and which action then.

    Returns:
        (N, A) int64.
    """
    greedy = utility.masked_fill(~available, -torch.inf).argmax(-1)
    if epsilon <= 0:
        return greedy
    if coin is None:
        coin = torch.rand(greedy.shape, generator=generator)
    if uniforms is None:
        uniforms = torch.rand(greedy.shape, generator=generator)
    coin = coin.to(utility.device, non_blocking=True)
    return torch.where(coin < epsilon, _pick(available, uniforms), greedy)


def _pick(allowed: Tensor, uniforms: Tensor) -> Tensor:
    """(...) int64, a uniformly random allowed index of ``allowed`` (..., C) bool by ``uniforms`` (...) in [0, 1)."""
    reached = allowed.cumsum(-1)
    count = reached[..., -1]
    wanted = (uniforms.to(allowed.device, non_blocking=True) * count).long().minimum(count - 1)
    return (reached > wanted.unsqueeze(-1)).to(torch.uint8).argmax(-1)
