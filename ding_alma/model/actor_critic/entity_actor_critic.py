"""Actor and critic by attention over entities: agents act upon what they see, values upon everything there is."""

import torch
from ding.utils import MODEL_REGISTRY
from torch import Tensor, nn

from ding_alma.model.actor_critic.categorical import MaskedCategorical
from ding_alma.model.actor_critic.interface import MemberActorCritic
from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan, plan_attention
from ding_alma.model.attention.linear import linear_relu

HIDDEN_GAIN, OUTPUT_GAIN = 2**0.5, 0.01
"""Of the orthogonal weights: the first policy is nearly uniform, the first values are nearly zero."""


class EntityLook(nn.Module):
    """What an agent is and what it looks at, in one hidden layer.

    ReLU of a linear map of every entity, attention over those that are seen, and a hidden layer over the agent's own
    encoding beside what it attends to: attention alone, which starts out nearly uniform, would tell agents of the same
    surroundings apart too slowly for learning from few epochs.

    Args:
        features: F of an entity.
        dim, heads: of the encoding and the attention.
        hidden_dim: H.
        outputs: of the linear map on top.
    """

    def __init__(self, features: int, dim: int, heads: int, hidden_dim: int, outputs: int) -> None:
        super().__init__()
        self.encode = nn.Linear(features, dim)
        self.attention = EntityAttention(dim, heads)
        self.hidden = nn.Linear(2 * dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, outputs)
        orthogonal(self.encode, HIDDEN_GAIN)
        orthogonal(self.attention.project_out, 1.0)
        orthogonal(self.hidden, HIDDEN_GAIN)
        orthogonal(self.output, OUTPUT_GAIN)

    def forward(self, entities: Tensor, plan: AttentionPlan) -> Tensor:
        """Args: entities (N, E, F), agents first; plan of one view. Returns (N, A, outputs), zero for agents that do
        not ask."""
        encoded = linear_relu(plan.gather(entities), self.encode.weight, self.encode.bias)
        asking = plan.gather_queries(entities[:, : plan.agents].unsqueeze(0))
        own = linear_relu(asking, self.encode.weight, self.encode.bias)
        both = torch.cat([own, self.attention.attend(encoded, plan).relu()], -1)
        hidden = linear_relu(both, self.hidden.weight, self.hidden.bias)
        return plan.scatter(self.output(hidden)).squeeze(0)


def orthogonal(layer: nn.Linear, gain: float) -> None:
    """Orthogonal weights, zero biases."""
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)


@MODEL_REGISTRY.register("mppo_entities")
class EntityActorCritic(MemberActorCritic):
    """An actor that sees what the agent observes, and a critic of the same kind that sees all entities.

    An agent's value is what the critic says of it plus, as with maps, a value of the whole state: a linear map of the
    mean of all existing entities' encodings.

    Args:
        features: F of an entity.
        actions: U.
        attention_dim, heads, hidden_dim: see `EntityLook`.
        local_critic: values have the agent's own part; without it they are the whole state's (ablation).
    """

    def __init__(
        self, features: int, actions: int, attention_dim: int, heads: int, hidden_dim: int, local_critic: bool = True
    ) -> None:
        super().__init__()
        sizes = (features, attention_dim, heads, hidden_dim)
        self.actor = EntityLook(*sizes, outputs=actions)
        self.critic = EntityLook(*sizes, outputs=1) if local_critic else None
        self.state_encode = nn.Linear(features, hidden_dim)
        self.state_value = nn.Linear(hidden_dim, 1)
        orthogonal(self.state_encode, HIDDEN_GAIN)
        orthogonal(self.state_value, OUTPUT_GAIN)

    def act(self, observation: dict[str, Tensor], active: Tensor) -> MaskedCategorical:
        """Args: observation of `dizoo_ext.contract`, (N, ...) per key; active (N, A) bool."""
        plan = plan_attention(observation["obs_mask"].unsqueeze(0), active)
        return MaskedCategorical(self.actor(observation["entities"], plan), observation["action_mask"])

    def evaluate(self, observation: dict[str, Tensor], active: Tensor) -> Tensor:
        """Args: as `act`."""
        entities, exists = observation["entities"], observation["entity_mask"]
        value = self._state_value(entities, exists).expand_as(active)
        if self.critic is not None:
            everything = active.unsqueeze(-1) & exists.unsqueeze(1)
            value = value + self.critic(entities, plan_attention(everything.unsqueeze(0), active)).squeeze(-1)
        return value

    def _state_value(self, entities: Tensor, exists: Tensor) -> Tensor:
        """(N, 1)."""
        steps, number, _ = entities.shape
        encoded = linear_relu(entities.flatten(0, 1), self.state_encode.weight, self.state_encode.bias)
        encoded = encoded.view(steps, number, -1).masked_fill(~exists.unsqueeze(-1), 0.0)
        return self.state_value(encoded.sum(1) / exists.sum(1, keepdim=True).clamp_min(1))
