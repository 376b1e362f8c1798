"""COPA's coach and the recognition network that keeps its strategies readable (docs/reference/copa.md#coach)."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.subtask_embedding import SubtaskEmbedding
from ding_alma.model.value.agent import LabelledEncoder, SubtaskLabel, look

LOG_VARIANCE_RANGE = (-10.0, 0.0)


class Gaussian(NamedTuple):
    """Diagonal normal distributions."""

    mean: Tensor
    log_variance: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """``noise``: standard normal, of the shape of ``mean``."""
        return self.mean + (self.log_variance / 2).exp() * noise


class Coach(nn.Module):
    """A strategy per agent from everything that exists."""

    def __init__(
        self, features: int, attention_dim: int, heads: int, strategy_dim: int, embedding: SubtaskEmbedding | None
    ) -> None:
        super().__init__()
        self.encoder = LabelledEncoder(features, attention_dim, embedding)
        self.attention = EntityAttention(attention_dim, heads)
        self.mean = nn.Linear(attention_dim, strategy_dim)
        self.log_variance = nn.Linear(attention_dim, strategy_dim)

    def hidden_state(self, entities: Tensor, plan: AttentionPlan, label: SubtaskLabel | None) -> Tensor:
        """Args: as `forward`. Returns (V, N, A, attention_dim), zero for agents that do not ask."""
        return plan.scatter(look(self.encoder, self.attention, EntityInputs(entities), plan, label))

    def forward(self, entities: Tensor, plan: AttentionPlan, label: SubtaskLabel | None = None) -> Gaussian:
        """Args: entities (N, E, F), without last actions. Returns two tensors (V, N, A, strategy_dim)."""
        hidden = F.relu(self.hidden_state(entities, plan, label))
        return Gaussian(self.mean(hidden), self.log_variance(hidden).clamp(*LOG_VARIANCE_RANGE))


class Recognition(nn.Module):
    """Guesses every agent's strategy from the state and the joint action."""

    def __init__(
        self,
        features: int,
        actions: int,
        attention_dim: int,
        heads: int,
        strategy_dim: int,
        embedding: SubtaskEmbedding | None,
    ) -> None:
        super().__init__()
        self.encoder = LabelledEncoder(features, attention_dim, embedding)
        self.action = nn.Linear(actions, attention_dim, bias=False)
        self.attention = EntityAttention(attention_dim, heads)
        self.mean = _head(attention_dim, strategy_dim)
        self.log_variance = _head(attention_dim, strategy_dim)

    def forward(
        self, entities: Tensor, action: Tensor, plan: AttentionPlan, label: SubtaskLabel | None = None
    ) -> Gaussian:
        """Args: entities (N, E, F); action (N, A) int64. Returns two tensors (V, N, A, strategy_dim)."""
        acted = F.pad(F.embedding(action, self.action.weight.T), (0, 0, 0, entities.shape[1] - action.shape[1]))
        seen = self.attention.attend(self.encoder(EntityInputs(entities), plan, label, acted), plan)
        hidden = F.relu(plan.scatter(seen))
        return Gaussian(self.mean(hidden), self.log_variance(hidden).clamp(*LOG_VARIANCE_RANGE))


def hold(values: Tensor, decision: Tensor) -> Tensor:
    """Values of decision steps kept until the row's next decision, zero before its first.

    Args:
        values: (V, D, ...), one entry per decision step, or (V, B T, ...), one per step; ordered by row, then time.
        decision: (B, T) bool, D entries of it True.

    Returns:
        (V, B, T, ...).
    """
    decided = decision.cumsum(1) > 0
    if values.shape[1] == decision.numel():
        step = torch.arange(decision.numel(), device=decision.device).view_as(decision)
        latest = torch.where(decision, step, -1).cummax(1).values
    else:
        latest = decision.flatten().cumsum(0).view_as(decision) - 1
    if values.shape[1] == 0:
        return values.new_zeros(len(values), *decision.shape, *values.shape[2:])
    held = values[:, latest.clamp_min(0)]
    return torch.where(decided.view(1, *decision.shape, *[1] * (values.dim() - 2)), held, 0.0)


def _head(dim: int, strategy_dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, strategy_dim))
