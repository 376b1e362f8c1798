"""Networks of the original COPA, whose checkpoints load into them (docs/reference/copa.md#networks-of-the-original).

The policy `copa` uses the ALMA paper's version, in `ding_alma.model.value.copa`. Entities are of two kinds here: A
agents and E_o others, with features of their own. Masks are boolean, True = visible; an agent whose row of the full
view is empty is absent.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.one_hot import one_hot
from ding_alma.model.value.copa import LOG_VARIANCE_RANGE, Gaussian

NEGLIGIBLE = 1e-12
"""Keeps shares finite where nothing is visible or nobody is present."""


class AveragedAttention(nn.Module):
    """Attention whose heads have the full width and are averaged; nothing visible gives zeros.

    As in the original, the softmax runs over everything and is masked afterwards: a query whose weight lies on hidden
    entities alone sees next to nothing.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.encode = nn.Linear(dim, dim)
        self.query, self.key, self.value = (
            nn.ParameterList(torch.randn(dim, dim) / math.sqrt(dim) for _ in range(heads)) for _ in range(3)
        )

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Args: x (N, E, dim), agents first; seen (N, A, E) bool. Returns (N, A, dim)."""
        encoded = self.encode(F.leaky_relu(x))
        asking = encoded[:, : seen.shape[1]]
        total = torch.zeros_like(asking)
        for query, key, value in zip(self.query, self.key, self.value, strict=True):
            score = (asking @ query) @ (encoded @ key).transpose(1, 2) / math.sqrt(x.shape[2])
            weight = score.softmax(-1) * seen
            total = total + weight / (weight.sum(-1, keepdim=True) + NEGLIGIBLE) @ (encoded @ value)
        return total / len(self.query)


class TeamEncoder(nn.Module):
    """What every agent sees of agents and other entities."""

    def __init__(self, agent_features: int, other_features: int, dim: int, heads: int) -> None:
        super().__init__()
        self.encode_agent = nn.Linear(agent_features, dim)
        self.encode_other = nn.Linear(other_features, dim)
        self.attention = AveragedAttention(dim, heads)

    def forward(self, agents: Tensor, others: Tensor, seen: Tensor) -> Tensor:
        """Args: agents (N, A, F), others (N, E_o, F_o), seen (N, A, A + E_o) bool. Returns (N, A, dim)."""
        return self.attention(torch.cat([self.encode_agent(agents), self.encode_other(others)], 1), seen)


class StrategyCoach(nn.Module):
    """A strategy per agent, as wide as the encoding, from the full view."""

    def __init__(self, agent_features: int, other_features: int, dim: int, heads: int) -> None:
        super().__init__()
        self.encoder = TeamEncoder(agent_features, other_features, dim, heads)
        self.mean = nn.Linear(dim, dim)
        self.log_variance = nn.Linear(dim, dim)

    def forward(self, encoding: Tensor) -> Gaussian:
        """Args: encoding (N, A, dim) of ``encoder``. Returns two tensors of that shape."""
        return Gaussian(self.mean(encoding), self.log_variance(encoding).clamp(*LOG_VARIANCE_RANGE))


class Player(nn.Module):
    """Utilities from an agent's view, its memory and perhaps the coach's strategy."""

    def __init__(
        self, agent_features: int, other_features: int, actions: int, dim: int, heads: int, strategy_dim: int = 0
    ) -> None:
        """``agent_features`` without the previous action; ``strategy_dim`` 0 = there is no coach."""
        super().__init__()
        self.actions = actions
        self.encoder = TeamEncoder(agent_features + actions, other_features, dim, heads)
        self.embedding = _two_layers(dim, dim, dim)
        self.recurrence = nn.GRUCell(dim, dim)
        self.utility = _two_layers(dim + strategy_dim, dim, actions)

    def step(
        self,
        agents: Tensor,
        previous_action: Tensor,
        others: Tensor,
        seen: Tensor,
        memory: Tensor,
        strategy: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step. To bring the original's agents back, feed the embedding in place of the memory at the next one.

        Args:
            agents: (N, A, F).
            previous_action: (N, A) int64, 0 at a segment's first step.
            others, seen: as `TeamEncoder`.
            memory: (N, A, dim).
            strategy: (N, A, Z) with a coach.

        Returns:
            Utilities (N, A, U), embedding of the view and new memory, both (N, A, dim).
        """
        inputs = torch.cat([agents, one_hot(previous_action, self.actions)], -1)
        embedding = self.embedding(self.encoder(inputs, others, seen))
        after = self.recurrence(embedding.flatten(0, 1), memory.flatten(0, 1)).view_as(embedding)
        known = after if strategy is None else torch.cat([after, strategy], -1)
        return self.utility(known), embedding, after


class StrategyRecognition(nn.Module):
    """Guesses every agent's strategy from what is seen and done in one step."""

    def __init__(self, agent_features: int, other_features: int, actions: int, dim: int, heads: int) -> None:
        super().__init__()
        self.actions = actions
        self.encoder = TeamEncoder(agent_features + actions, other_features, dim, heads)
        self.mean = _two_layers(dim, dim, dim)
        self.log_variance = _two_layers(dim, dim, dim)

    def forward(self, agents: Tensor, action: Tensor, others: Tensor, seen: Tensor) -> Gaussian:
        """Args: action (N, A) int64; the others as `TeamEncoder`. Returns two tensors (N, A, dim)."""
        seen_and_done = self.encoder(torch.cat([agents, one_hot(action, self.actions)], -1), others, seen)
        return Gaussian(self.mean(seen_and_done), self.log_variance(seen_and_done).clamp(*LOG_VARIANCE_RANGE))


def _two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
