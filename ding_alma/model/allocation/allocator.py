"""The allocation controller's networks: proposals and their critic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from ding_alma.model.allocation.critic import AllocationCritic, Critic
from ding_alma.model.allocation.decision_state import DecisionState
from ding_alma.model.allocation.pairwise import PairwiseCritic, PairwiseEncoder
from ding_alma.model.allocation.pointer_decoder import PointerDecoder
from ding_alma.model.allocation.proposal import ProposalNetwork, Proposals
from ding_alma.model.allocation.proposal_encoder import Encoder, ProposalEncoder

NETWORKS = ("attention", "pairwise")
"""The paper's networks, or those that compare every agent with every subtask."""


class RatedProposals(NamedTuple):
    """Sampled allocations and what the critic thinks of them."""

    proposals: Proposals
    value: Tensor
    """(N, P) normalised, detached."""
    best: Tensor
    """(N,) int64, the proposal of highest value, the first one on ties."""

    @property
    def best_allocation(self) -> Tensor:
        """(N, A) int64."""
        return self.proposals.allocation[torch.arange(self.best.numel(), device=self.best.device), self.best]


class Allocator(nn.Module):
    """Proposal network and allocation critic (docs/reference/alma.md#allocation-controller)."""

    def __init__(
        self,
        features: int,
        subtasks: int,
        proposals: int = 32,
        proposal_dim: int = 128,
        proposal_heads: int = 4,
        critic_dim: int = 128,
        critic_heads: int = 4,
        extra_subtasks: int = 0,
        popart_alpha: float | None = 0.01,
        network: str = "attention",
        coordinates: Sequence[int] = (),
    ) -> None:
        """Build both networks from sizes.

        Args:
            features: F of the entities, without last actions.
            subtasks: K, the padded number.
            proposals: P allocations sampled per decision, at least 2.
            extra_subtasks: further subtask embeddings, for scenarios with more subtasks than K; 'pairwise' has none and
                needs none.
            popart_alpha: rate of the critic's target statistics, None = learn on the scale of returns.
            network: one of `NETWORKS`.
            coordinates: features that say where an entity is, for 'pairwise'.

        Raises:
            ValueError: fewer than two proposals, a width that its heads do not divide, an unknown network.
        """
        super().__init__()
        if proposals < 2:
            raise ValueError(f"the critic chooses among proposals: there must be at least 2, got {proposals}")
        self.proposals = proposals
        if network not in NETWORKS:
            raise ValueError(f"network must be one of {NETWORKS}, got {network!r}")
        self.subtask_slots = subtasks + extra_subtasks
        encoder: Encoder
        if network == "pairwise":
            encoder = PairwiseEncoder(features, proposal_dim, coordinates)
            self.critic: Critic = PairwiseCritic(features, critic_dim, popart_alpha, coordinates)
        else:
            encoder = ProposalEncoder(features, subtasks, proposal_dim, proposal_heads, extra_subtasks)
            self.critic = AllocationCritic(features, subtasks, critic_dim, critic_heads, extra_subtasks, popart_alpha)
        self.proposal = ProposalNetwork(encoder, PointerDecoder(proposal_dim))

    def draw_permutation(self, generator: torch.Generator | None = None) -> Tensor:
        """A fresh uniform numbering of the subtasks for one call of a network: (K + extra,) int64 on the CPU.

        Networks without a subtask embedding do not look at it.
        """
        return torch.randperm(self.subtask_slots, generator=generator)

    def propose(self, state: DecisionState, draws: "ProposalDraws") -> RatedProposals:
        """Sample P allocations per decision and rate them."""
        proposals = self.proposal.sample(state, draws.proposal_permutation, draws.uniforms)
        value = self.critic.values(state, proposals.allocation, draws.value_permutation)
        return RatedProposals(proposals, value, value.argmax(1))


@dataclass(frozen=True)
class ProposalDraws:
    """The random numbers of one `Allocator.propose`."""

    proposal_permutation: Tensor
    """(K + extra,) int64, for the proposal network's subtask embedding."""
    value_permutation: Tensor
    """(K + extra,) int64, for the critic's."""
    uniforms: Tensor
    """(A, N, P, K) in (0, 1)."""

    @classmethod
    def draw(cls, generator: torch.Generator | None, allocator: Allocator, state: DecisionState) -> Self:
        """Fresh random numbers of a generator on the CPU (None: torch's own), moved to the state's device."""
        shape = (state.agents, state.points, allocator.proposals, state.subtasks)
        return cls(
            allocator.draw_permutation(generator),
            allocator.draw_permutation(generator),
            torch.rand(shape, generator=generator).to(state.entities.device, non_blocking=True),
        )
