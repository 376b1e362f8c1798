"""Mixers of the original COPA, with and without a coach (docs/reference/copa.md#mixers-of-the-original)."""

import torch.nn.functional as F
from coach_player import NEGLIGIBLE, TeamEncoder
from torch import Tensor, nn


def mix_present(
    utilities: Tensor,
    agent_weight: Tensor,
    hidden_bias: Tensor,
    value_weight: Tensor,
    value_bias: Tensor,
    present: Tensor,
) -> Tensor:
    """Monotonic mixing in which biases and value weights are means over present agents.

    Args:
        utilities: (V, N, A), views are summed.
        agent_weight: (V, N, A, M) before the softmax.
        hidden_bias, value_weight, value_bias: (N, A, M); value weights before the softmax.
        present: (N, A) bool.

    Returns:
        (N,).
    """
    there = present.unsqueeze(-1).to(utilities.dtype)

    def mean(per_agent: Tensor) -> Tensor:
        return (per_agent * there).sum(1) / (there.sum(1) + NEGLIGIBLE)

    contribution = (utilities.unsqueeze(-1) * agent_weight.softmax(-1) * there).sum((0, 2))
    hidden = F.elu(contribution + mean(hidden_bias))
    return (hidden * mean(value_weight.softmax(-1))).sum(-1) + mean(value_bias).mean(-1)


class CoachMixer(nn.Module):
    """Mixing weights from the coach's encoding of the step."""

    def __init__(self, dim: int, hidden_dim: int, mixing_dim: int) -> None:
        super().__init__()
        self.agent_weight, self.hidden_bias, self.value_weight, self.value_bias = (
            _head(dim, hidden_dim, mixing_dim) for _ in range(4)
        )

    def forward(self, utilities: Tensor, encoding: Tensor, present: Tensor) -> Tensor:
        """Args: utilities (N, A); encoding (N, A, dim); present (N, A) bool. Returns (N,)."""
        heads = (self.hidden_bias, self.value_weight, self.value_bias)
        agent_weight = self.agent_weight(encoding).unsqueeze(0)
        return mix_present(utilities.unsqueeze(0), agent_weight, *(head(encoding) for head in heads), present)


class EncodedWeights(nn.Module):
    """A row of mixing weights per agent from an encoding of its own."""

    def __init__(
        self, agent_features: int, other_features: int, dim: int, heads: int, hidden_dim: int, mixing_dim: int
    ) -> None:
        super().__init__()
        self.encoder = TeamEncoder(agent_features, other_features, dim, heads)
        self.head = _head(dim, hidden_dim, mixing_dim)

    def forward(self, agents: Tensor, others: Tensor, seen: Tensor) -> Tensor:
        """Arguments of `TeamEncoder`. Returns (N, A, mixing_dim)."""
        return self.head(self.encoder(agents, others, seen))


class TeamMixer(nn.Module):
    """Mixing weights without a coach."""

    def __init__(
        self, agent_features: int, other_features: int, dim: int, heads: int, hidden_dim: int, mixing_dim: int
    ) -> None:
        super().__init__()
        sizes = (agent_features, other_features, dim, heads, hidden_dim, mixing_dim)
        self.agent_weight, self.hidden_bias, self.value_weight, self.value_bias = (
            EncodedWeights(*sizes) for _ in range(4)
        )

    def forward(self, utilities: Tensor, agents: Tensor, others: Tensor, seen: Tensor, full: Tensor) -> Tensor:
        """Args:
            utilities: (V, N, A) in V views, summed up.
            agents, others: as `TeamEncoder`.
            seen: (V, N, A, A + E_o) bool, what the agents' weights are made of.
            full: (N, A, A + E_o) bool, all that is present.

        Returns:
            (N,).
        """
        heads = (self.hidden_bias, self.value_weight, self.value_bias)
        common = (head(agents, others, full) for head in heads)
        views = utilities.shape[0]
        agent_weight = self.agent_weight(agents.repeat(views, 1, 1), others.repeat(views, 1, 1), seen.flatten(0, 1))
        return mix_present(utilities, agent_weight.unflatten(0, (views, -1)), *common, full.any(-1))


def _head(dim: int, hidden_dim: int, mixing_dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, mixing_dim))
