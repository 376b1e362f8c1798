"""An agent that compares itself with everything that it sees, pair by pair (ours; no paper of these methods has it)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.linear import linear_relu
from ding_alma.model.attention.pooling import Pooling
from ding_alma.model.coordinates import coordinate_gain
from ding_alma.model.subtask_embedding import SubtaskEmbedding
from ding_alma.model.value.agent import ReactiveAgent, SubtaskLabel


class PairEncoder(nn.Module):
    """A hidden layer for every pair of an asking agent and an entity that it sees, summed over the entities."""

    gain: Tensor

    def __init__(
        self, features: int, dim: int, coordinates: Sequence[int], embedding: SubtaskEmbedding | None = None
    ) -> None:
        """``coordinates`` are the features that say where an entity is."""
        super().__init__()
        self.own = nn.Linear(features, dim)
        self.other = nn.Linear(features, dim, bias=False)
        self.embedding = embedding
        self.register_buffer("gain", coordinate_gain(features, coordinates), persistent=False)

    def forward(self, inputs: EntityInputs, plan: AttentionPlan, label: SubtaskLabel | None = None) -> Tensor:
        """(V Q, dim). A label is compared as well.

        Raises:
            ValueError: a label is given to an encoder without an embedding.
        """
        own, other = self.own.weight * self.gain, self.other.weight * self.gain
        if label is not None:
            if self.embedding is None:
                raise ValueError("a subtask label needs an encoder that was built with a subtask embedding")
            inputs = inputs.with_columns(label.membership)
            # A difference, so that equal labels are the same comparison whatever the permutation.
            of_label = self.embedding.table(label.permutation).T
            own, other = torch.cat([own, of_label], 1), torch.cat([other, -of_label], 1)
        return plan.pair_sum(inputs, own, self.own.bias, other)


class PairwiseAgent(ReactiveAgent):
    """Pairs with everything that is seen, one hidden layer, utilities.

    Where positions are absolute, as in SaveTheCity, whether a step leads to a building is a function of the difference
    of two positions. Attention mixes what is seen before anything is compared and learns such a function late; a ReLU
    of a pair is the simplest relation network (Santoro et al., 2017).
    """

    def __init__(
        self,
        features: int,
        actions: int,
        attention_dim: int,
        heads: int,
        hidden_dim: int,
        embedding: SubtaskEmbedding | None = None,
        pooling: Callable[[int, int], Pooling] | None = None,
        coordinates: Sequence[int] = (),
    ) -> None:
        """As `AgentNetwork`, with ``attention_dim`` the width of a pair; there is nothing that ``heads`` and
        ``pooling`` could size. ``coordinates`` are the features that say where an entity is."""
        super().__init__()
        self.encoder = PairEncoder(features, attention_dim, coordinates, embedding)
        self.hidden = nn.Linear(attention_dim, hidden_dim)
        self.utility = nn.Linear(hidden_dim, actions)

    def forward(
        self,
        inputs: EntityInputs,
        plan: AttentionPlan,
        label: SubtaskLabel | None = None,
        strategy: Tensor | None = None,
    ) -> Tensor:
        """Utilities as of `AgentNetwork`."""
        hidden = linear_relu(self.encoder(inputs, plan, label), self.hidden.weight, self.hidden.bias)
        return plan.scatter(self.utility(hidden if strategy is None else hidden + plan.gather_queries(strategy)))
