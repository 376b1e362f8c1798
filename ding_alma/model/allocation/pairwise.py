"""Proposals and critic that compare every agent with every subtask (ours; the paper's attend to everything).

Whether an agent should work at a subtask depends on where both are. Attention over absolute positions learns such
differences late; a ReLU of the pair learns them soon, as in `PairwiseAgent`. Nothing here knows the subtasks' numbers.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ding_alma.model.allocation.critic import Critic
from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.allocation.proposal_encoder import Encoder, ProposalEncoding
from ding_alma.model.attention.linear import linear
from ding_alma.model.coordinates import coordinate_gain
from ding_alma.model.one_hot import one_hot


class PairLayer(nn.Module):
    """A hidden layer for every pair of an agent and a subtask."""

    gain: Tensor

    def __init__(self, features: int, dim: int, coordinates: Sequence[int]) -> None:
        """``coordinates`` are the features that say where an entity is."""
        super().__init__()
        self.own = nn.Linear(features, dim)
        self.other = nn.Linear(features, dim, bias=False)
        self.register_buffer("gain", coordinate_gain(features, coordinates), persistent=False)

    def forward(self, state: DecisionState) -> Tensor:
        """(N, A, K, D) before the ReLU."""
        own = _rows(state.entities[:, : state.agents], self.own.weight * self.gain, self.own.bias)
        return own.unsqueeze(2) + _rows(state.subtask_means.features, self.other.weight * self.gain).unsqueeze(1)


class PairwiseEncoder(Encoder):
    """Agents and subtasks by linear maps, and a logit of its own for every pair, which knows what the agent held."""

    def __init__(self, features: int, dim: int, coordinates: Sequence[int] = ()) -> None:
        """``coordinates`` as in `PairLayer`."""
        super().__init__()
        self.encode_agent = nn.Linear(features, dim)
        self.encode_subtask = nn.Linear(features, dim)
        self.pairs = PairLayer(features, dim, coordinates)
        self.held = nn.Parameter(torch.zeros(dim))
        self.score = nn.Linear(dim, 1, bias=False)

    def forward(self, state: DecisionState, permutation: Tensor) -> ProposalEncoding:
        members, features = state.subtask_means
        held = one_hot(state.last_allocation, state.subtasks).unsqueeze(-1)
        hidden = (self.pairs(state) + held * self.held).relu()
        return ProposalEncoding(
            _rows(state.entities[:, : state.agents], self.encode_agent.weight, self.encode_agent.bias),
            _rows(features, self.encode_subtask.weight, self.encode_subtask.bias),
            members,
            self.score(hidden).squeeze(-1),
        )


class PairwiseCritic(Critic):
    """The mean over the padded number of subtasks of what each is worth with those who work at it.

    A team is the sum over its agents of a hidden layer of the pair of the agent and the subtask.
    """

    def __init__(
        self, features: int, dim: int, popart_alpha: float | None = 0.01, coordinates: Sequence[int] = ()
    ) -> None:
        """``popart_alpha`` as in `Critic`, ``coordinates`` as in `PairLayer`."""
        super().__init__(popart_alpha)
        self.pairs = PairLayer(features, dim, coordinates)
        self.join = nn.Linear(dim, dim, bias=False)
        self.subtask = nn.Linear(features, dim)
        self.count = nn.Linear(2, dim, bias=False)
        self.score = nn.Linear(dim, 1)

    def raw_value(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        return self.raw_values(state, allocation.unsqueeze(1), permutation).squeeze(1)

    def raw_values(self, state: DecisionState, allocation: Tensor, permutation: Tensor) -> Tensor:
        members, features = state.subtask_means
        joining = _rows(self.pairs(state).relu().transpose(1, 2), self.join.weight)
        works_at = (one_hot(allocation, state.subtasks) * state.active[:, None, :, None]).permute(0, 3, 1, 2)
        size = COUNT_SCALE * works_at.sum(-1)
        count = torch.stack([members.unsqueeze(-1).expand_as(size), size], -1)
        alone = _rows(features, self.subtask.weight, self.subtask.bias).unsqueeze(2)
        hidden = (works_at @ joining + self.count(count) + alone).relu()
        value = self.score(hidden).squeeze(-1) * (members > 0).unsqueeze(-1)
        return value.sum(1) / state.subtasks


def _rows(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`linear` over the last of any number of axes."""
    return linear(x.flatten(0, -2), weight, bias).view(*x.shape[:-1], -1)
