"""The utility network that all agents share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.linear import linear, linear_relu
from ding_alma.model.attention.pooling import Pooling
from ding_alma.model.subtask_embedding import SubtaskEmbedding


class SubtaskLabel(NamedTuple):
    """Subtask membership shown to a network through its `SubtaskEmbedding`."""

    membership: Tensor
    """(N, E, K) float32 one-hot, zero rows for entities of no subtask."""
    permutation: Tensor
    """(K + extra,) int64, fresh for every call."""


class LabelledEncoder(nn.Module):
    """ReLU of a linear map of an entity's features, plus its subtask's embedding if there is one (ALMA, "No Mask")."""

    def __init__(self, features: int, dim: int, embedding: SubtaskEmbedding | None = None) -> None:
        super().__init__()
        self.encode = nn.Linear(features, dim)
        self.embedding = embedding

    def forward(
        self, inputs: EntityInputs, plan: AttentionPlan, label: SubtaskLabel | None = None, added: Tensor | None = None
    ) -> Tensor:
        """Args: label, shown only if given; added (N, E, dim), summed before the ReLU. Returns (R, dim).

        Raises:
            ValueError: a label is given to an encoder without an embedding.
        """
        rows = plan.gather(inputs.dense)
        if label is None and added is None:
            return linear_relu(rows, self.encode.weight, self.encode.bias)
        rows = linear(rows, self.encode.weight, self.encode.bias)
        if label is not None:
            if self.embedding is None:
                raise ValueError("a subtask label needs an encoder that was built with a subtask embedding")
            rows = rows + self.embedding(plan.gather(label.membership), label.permutation)
        if added is not None:
            rows = rows + plan.gather(added)
        return F.relu(rows)


def look(
    encoder: LabelledEncoder,
    pooling: Pooling,
    inputs: EntityInputs,
    plan: AttentionPlan,
    label: SubtaskLabel | None = None,
) -> Tensor:
    """What the asking agents see, (V Q, dim): ``pooling`` of the encoded entities, with its output projection."""
    if label is None and isinstance(pooling, EntityAttention):
        (mixed,) = plan.encode_and_attend(inputs, [encoder.encode], [pooling.project_in.weight], pooling.heads)
        return linear(mixed, pooling.project_out.weight, pooling.project_out.bias)
    return pooling.attend(encoder(inputs, plan, label), plan)


class Agent(nn.Module, ABC):
    """Utilities of every action from what an agent sees, with or without a memory of its episode.

    Subclasses have an ``encoder`` (`LabelledEncoder`) and a last layer ``utility`` (Linear).
    """

    memory_dim = 0
    """Numbers that an agent carries from step to step; 0 = it has no memory and any step can be looked at alone."""

    @abstractmethod
    def unroll(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        first: Tensor,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> Tensor:
        """Utilities over rows of consecutive steps in each of the plan's views, zero for agents that do not ask.

        Args:
            inputs: of N x E entities, N = B T steps; with the last action where it is shown.
            plan: who sees whom.
            first: (B, T) bool, an episode starts here; memories start empty there and at a row's first step. On the CPU
                where the host knows it.
            label: subtask membership; None shows no label.
            strategy: (V, N, A, hidden_dim) of a coach, added to the last hidden layer (COPA).

        Returns:
            (V, N, A, U).
        """

    @abstractmethod
    def step(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        memory: Tensor,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """One step of N environments: utilities (V, N, A, U) and the new memory.

        Args: as `unroll`; memory (N, A, memory_dim), or one per view, zeros at an episode's first step.
        """


class ReactiveAgent(Agent):
    """An agent without memory: `forward` says everything."""

    @abstractmethod
    def forward(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> Tensor:
        """Utilities (V, N, A, U); arguments as in `unroll`."""

    def unroll(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        first: Tensor,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> Tensor:
        return self(inputs, plan, label, strategy)

    def step(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        memory: Tensor,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        return self(inputs, plan, label, strategy), memory


class AgentNetwork(ReactiveAgent):
    """Attention and one hidden layer (ALMA's agents, docs/reference/alma.md#agents)."""

    def __init__(
        self,
        features: int,
        actions: int,
        attention_dim: int,
        heads: int,
        hidden_dim: int,
        embedding: SubtaskEmbedding | None = None,
        pooling: Callable[[int, int], Pooling] = EntityAttention,
    ) -> None:
        """``features`` counts the entity features and the one-hot last action where it is shown; ``pooling`` is the
        class that sums up what is seen."""
        super().__init__()
        self.encoder = LabelledEncoder(features, attention_dim, embedding)
        self.attention = pooling(attention_dim, heads)
        self.hidden = nn.Linear(attention_dim, hidden_dim)
        self.utility = nn.Linear(hidden_dim, actions)

    def seen(self, inputs: EntityInputs, plan: AttentionPlan, label: SubtaskLabel | None) -> Tensor:
        """What the asking agents see, before the ReLU: (V Q, attention_dim)."""
        return look(self.encoder, self.attention, inputs, plan, label)

    def hidden_state(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> Tensor:
        """Args: as `forward`. Returns (V Q, hidden_dim), the asking agents only."""
        seen = self.seen(inputs, plan, label)
        hidden = linear_relu(F.relu(seen), self.hidden.weight, self.hidden.bias)
        return hidden if strategy is None else hidden + plan.gather_queries(strategy)

    def forward(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> Tensor:
        """Utilities in each of the plan's views, zero for agents that do not ask.

        Args:
            inputs: of N x E entities, with last actions.
            plan: who sees whom.
            label: subtask membership; None shows no label.
            strategy: (V, N, A, hidden_dim) of a coach, added to the hidden state (COPA).

        Returns:
            (V, N, A, U).
        """
        return plan.scatter(self.utility(self.hidden_state(inputs, plan, label, strategy)))
