"""Actor and critic by attention over entities: agents act upon what they see, values upon everything there is."""

from ding.utils import MODEL_REGISTRY
from torch import Tensor, nn

from ding_alma.model.agent import AgentNetwork
from ding_alma.model.attention_plan import plan_attention
from ding_alma.model.categorical import MaskedCategorical
from ding_alma.model.group_actor_critic import GroupActorCritic, Judgement
from ding_alma.model.linear import linear_relu

ACTOR_SCALE = 0.01
"""Gain of the orthogonal weights of the outputs: the first policy is nearly uniform, the first values nearly zero."""


@MODEL_REGISTRY.register("mppo_entities")
class EntityActorCritic(GroupActorCritic):
    """The agents of ALMA's low level as actor, and once more as critic that sees all entities.

    An agent's value is what the critic says of it plus, as with maps, a value of the whole state: a linear map of the
    mean of all existing entities' encodings.

    Args:
        features: F of an entity.
        actions: U.
        attention_dim, heads, hidden_dim: as in `AgentNetwork`.
        local_critic: values have the agent's own part; without it they are the whole state's (ablation).
    """

    def __init__(
        self, features: int, actions: int, attention_dim: int, heads: int, hidden_dim: int, local_critic: bool = True
    ) -> None:
        super().__init__()
        self.actor = AgentNetwork(features, actions, attention_dim, heads, hidden_dim)
        self.critic = AgentNetwork(features, 1, attention_dim, heads, hidden_dim) if local_critic else None
        self.state_encode = nn.Linear(features, hidden_dim)
        self.state_value = nn.Linear(hidden_dim, 1)
        outputs = [self.actor.utility, self.state_value, *([self.critic.utility] if local_critic else [])]
        for layer in outputs:
            nn.init.orthogonal_(layer.weight, ACTOR_SCALE)
            nn.init.zeros_(layer.bias)

    def forward(self, observation: dict[str, Tensor], active: Tensor) -> Judgement:
        """Args: observation of `dizoo_ext.contract`, (N, ...) per key; active (N, A) bool."""
        entities, exists = observation["entities"], observation["entity_mask"]
        logits = self.actor(entities, plan_attention(observation["obs_mask"].unsqueeze(0), active)).squeeze(0)
        value = self._state_value(entities, exists).expand_as(active)
        if self.critic is not None:
            everything = active.unsqueeze(-1) & exists.unsqueeze(1)
            own = self.critic(entities, plan_attention(everything.unsqueeze(0), active))
            value = value + own.squeeze(0).squeeze(-1)
        return Judgement(MaskedCategorical(logits, observation["action_mask"]), value)

    def _state_value(self, entities: Tensor, exists: Tensor) -> Tensor:
        """(N, 1)."""
        steps, number, _ = entities.shape
        encoded = linear_relu(entities.flatten(0, 1), self.state_encode.weight, self.state_encode.bias)
        encoded = encoded.view(steps, number, -1).masked_fill(~exists.unsqueeze(-1), 0.0)
        return self.state_value(encoded.sum(1) / exists.sum(1, keepdim=True).clamp_min(1))
