"""How an agent of masked PPO looks at entities: by attention, or by pairs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.linear import linear_relu
from ding_alma.model.value.agent_pairwise import PairEncoder

HIDDEN_GAIN, OUTPUT_GAIN = 2**0.5, 0.01
"""Of the orthogonal weights: the first policy is nearly uniform, the first values are nearly zero."""


def orthogonal(layer: nn.Linear, gain: float) -> None:
    """Orthogonal weights, zero biases."""
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)


class EntityLook(nn.Module, ABC):
    """What an agent is and what it looks at, in one hidden layer under a linear map.

    Args:
        features: F of an entity.
        dim: of what is looked at.
        heads: of the attention, where there is one.
        hidden_dim: H.
        outputs: of the linear map on top.
        coordinates: features that say where an entity is.
    """

    def __init__(
        self, features: int, dim: int, heads: int, hidden_dim: int, outputs: int, coordinates: Sequence[int]
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(self.prepare(features, dim, heads, coordinates), hidden_dim)
        self.output = nn.Linear(hidden_dim, outputs)
        orthogonal(self.hidden, HIDDEN_GAIN)
        orthogonal(self.output, OUTPUT_GAIN)

    @abstractmethod
    def prepare(self, features: int, dim: int, heads: int, coordinates: Sequence[int]) -> int:
        """Make the layers below the hidden one. Returns their width."""

    @abstractmethod
    def look(self, entities: Tensor, plan: AttentionPlan) -> Tensor:
        """(Q, width) of the agents that ask. Args: as `forward`."""

    def forward(self, entities: Tensor, plan: AttentionPlan) -> Tensor:
        """Args: entities (N, E, F), agents first; plan of one view. Returns (N, A, outputs), zero for agents that do
        not ask."""
        hidden = linear_relu(self.look(entities, plan), self.hidden.weight, self.hidden.bias)
        return plan.scatter(self.output(hidden)).squeeze(0)


class AttentionLook(EntityLook):
    """ReLU of a linear map of every entity, attention over those that are seen, beside the agent's own encoding:
    attention alone, which starts out nearly uniform, would tell agents of the same surroundings apart too slowly for
    learning from few epochs."""

    def prepare(self, features: int, dim: int, heads: int, coordinates: Sequence[int]) -> int:
        self.encode = nn.Linear(features, dim)
        self.attention = EntityAttention(dim, heads)
        orthogonal(self.encode, HIDDEN_GAIN)
        orthogonal(self.attention.project_out, 1.0)
        return 2 * dim

    def look(self, entities: Tensor, plan: AttentionPlan) -> Tensor:
        encoded = linear_relu(plan.gather(entities), self.encode.weight, self.encode.bias)
        asking = plan.gather_queries(entities[:, : plan.agents].unsqueeze(0))
        own = linear_relu(asking, self.encode.weight, self.encode.bias)
        return torch.cat([own, self.attention.attend(encoded, plan).relu()], -1)


class PairwiseLook(EntityLook):
    """`PairEncoder`: the agent compared with each entity that it sees, itself among them."""

    def prepare(self, features: int, dim: int, heads: int, coordinates: Sequence[int]) -> int:
        self.pairs = PairEncoder(features, dim, coordinates)
        return dim

    def look(self, entities: Tensor, plan: AttentionPlan) -> Tensor:
        return self.pairs(EntityInputs(entities), plan)


LOOKS: Mapping[str, type[EntityLook]] = {"attention": AttentionLook, "pairwise": PairwiseLook}
"""By the names that configs use."""
