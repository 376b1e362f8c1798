"""Proposals and critic that compare every agent with a subtask directly (ours; the paper's attend to everything).

Whether an agent should work at a subtask depends on where both are. Attention over absolute positions learns such
differences late; a ReLU of the pair learns them soon, as in `PairwiseAgent`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ding_alma.model.allocation.critic import AllocationCritic
from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.allocation.proposal_encoder import ProposalEncoder, ProposalEncoding
from ding_alma.model.attention.linear import linear
from ding_alma.model.coordinates import coordinate_gain
from ding_alma.model.one_hot import one_hot


class PairLayer(nn.Module):
    """Both halves of a hidden layer for pairs of an agent and a subtask, which is the mean of its living entities."""

    gain: Tensor

    def __init__(self, features: int, dim: int, coordinates: Sequence[int]) -> None:
        super().__init__()
        self.own = nn.Linear(features, dim)
        self.other = nn.Linear(features, dim, bias=False)
        self.register_buffer("gain", coordinate_gain(features, coordinates), persistent=False)

    def of_agents(self, state: DecisionState) -> Tensor:
        """(N, A, D)."""
        agents = state.entities[:, : state.agents].flatten(0, 1)
        half = linear(agents, self.own.weight * self.gain, self.own.bias)
        return half.view(state.points, state.agents, -1)

    def of_subtasks(self, state: DecisionState) -> Tensor:
        """(N, K, D)."""
        exists = state.entity_mask[:, state.agents :].unsqueeze(-1)
        belongs = (one_hot(state.other_subtask, state.subtasks) * exists).transpose(1, 2)
        mean = belongs @ state.entities[:, state.agents :] / belongs.sum(-1, keepdim=True).clamp_min(1)
        half = linear(mean.flatten(0, 1), self.other.weight * self.gain)
        return half.view(state.points, state.subtasks, -1)


class PairwiseEncoder(ProposalEncoder):
    """`ProposalEncoder` with a logit of its own for every pair of an agent and a subtask."""

    def __init__(
        self,
        features: int,
        subtasks: int,
        dim: int,
        heads: int,
        extra_subtasks: int = 0,
        coordinates: Sequence[int] = (),
    ) -> None:
        """As `ProposalEncoder`; ``coordinates`` are the features that say where an entity is."""
        super().__init__(features, subtasks, dim, heads, extra_subtasks)
        self.pairs = PairLayer(features, dim, coordinates)
        self.score = nn.Linear(dim, 1, bias=False)

    def forward(self, state: DecisionState, permutation: Tensor) -> ProposalEncoding:
        hidden = (self.pairs.of_agents(state).unsqueeze(2) + self.pairs.of_subtasks(state).unsqueeze(1)).relu()
        return super().forward(state, permutation)._replace(pairs=self.score(hidden).squeeze(-1))


class PairwiseCritic(AllocationCritic):
    """`AllocationCritic` plus a value of every agent at its subtask, given who else is there."""

    def __init__(
        self,
        features: int,
        subtasks: int,
        dim: int,
        heads: int,
        extra_subtasks: int = 0,
        popart_alpha: float | None = 0.01,
        coordinates: Sequence[int] = (),
    ) -> None:
        """As `AllocationCritic`; ``coordinates`` are the features that say where an entity is."""
        super().__init__(features, subtasks, dim, heads, extra_subtasks, popart_alpha)
        self.pairs = PairLayer(features, dim, coordinates)
        self.team = nn.Linear(features, dim, bias=False)
        self.team_count = nn.Linear(2, dim, bias=False)
        self.score = nn.Linear(dim, 1, bias=False)

    def raw_value(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        value = super().raw_value(state, allocation, permutation)
        return value + self._pair_values(state, allocation.unsqueeze(1)).squeeze(1)

    def raw_values(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        return super().raw_values(state, allocation, permutation) + self._pair_values(state, allocation)

    def _pair_values(self, state: DecisionState, allocation: Tensor) -> Tensor:
        """(N, P) mean over the padded number of agents. Args: allocation (N, P, A)."""
        works_at = one_hot(allocation, state.subtasks) * state.active[:, None, :, None]
        present = one_hot(state.other_subtask, state.subtasks).sum(1)
        count = torch.stack([works_at.sum(2), present.unsqueeze(1).expand(-1, allocation.shape[1], -1)], -1)
        members = works_at.transpose(2, 3) @ self.team(state.entities[:, : state.agents]).unsqueeze(1)
        there = self.pairs.of_subtasks(state).unsqueeze(1) + COUNT_SCALE * (members + self.team_count(count))
        hidden = (self.pairs.of_agents(state).unsqueeze(1) + works_at @ there).relu()
        return (self.score(hidden).squeeze(-1) * works_at.sum(-1)).sum(-1) / state.agents
