"""Actor and critic over entities: agents act upon what they see, values upon everything there is."""

from collections.abc import Sequence

from ding.utils import MODEL_REGISTRY
from torch import Tensor, nn

from ding_alma.model.actor_critic.categorical import MaskedCategorical
from ding_alma.model.actor_critic.entity_look import HIDDEN_GAIN, LOOKS, OUTPUT_GAIN, orthogonal
from ding_alma.model.actor_critic.interface import MemberActorCritic
from ding_alma.model.attention.attention_plan import plan_attention
from ding_alma.model.attention.linear import linear_relu


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
        look: name in `LOOKS`.
        coordinates: features that say where an entity is, for 'pairwise'.
    """

    def __init__(
        self,
        features: int,
        actions: int,
        attention_dim: int,
        heads: int,
        hidden_dim: int,
        local_critic: bool = True,
        look: str = "attention",
        coordinates: Sequence[int] = (),
    ) -> None:
        super().__init__()
        kind, sizes = LOOKS[look], (features, attention_dim, heads, hidden_dim)
        self.actor = kind(*sizes, outputs=actions, coordinates=coordinates)
        self.critic = kind(*sizes, outputs=1, coordinates=coordinates) if local_critic else None
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
