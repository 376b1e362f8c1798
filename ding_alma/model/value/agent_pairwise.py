"""An agent that compares itself with everything that it sees, pair by pair (ours; no paper of these methods has it)."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.linear import linear
from ding_alma.model.attention.pooling import Pooling
from ding_alma.model.coordinates import coordinate_gain
from ding_alma.model.subtask_embedding import SubtaskEmbedding
from ding_alma.model.value.agent import AgentNetwork, SubtaskLabel


class PairwiseAgent(AgentNetwork):
    """`AgentNetwork` with a hidden layer for every pair of the agent and an entity that it sees, summed over entities.

    Where positions are absolute, as in SaveTheCity, whether a step leads to a building is a function of the difference
    of two positions. Attention mixes what is seen before anything is compared and learns such a function late; a ReLU
    of a pair is the simplest relation network (Santoro et al., 2017).
    """

    gain: Tensor

    def __init__(
        self,
        features: int,
        actions: int,
        attention_dim: int,
        heads: int,
        hidden_dim: int,
        embedding: SubtaskEmbedding | None = None,
        pooling: Callable[[int, int], Pooling] = EntityAttention,
        coordinates: Sequence[int] = (),
    ) -> None:
        """As `AgentNetwork`; ``coordinates`` are the features that say where an entity is."""
        super().__init__(features, actions, attention_dim, heads, hidden_dim, embedding, pooling)
        self.own = nn.Linear(features, attention_dim)
        self.other = nn.Linear(features, attention_dim, bias=False)
        self.compared = nn.Linear(attention_dim, attention_dim)
        self.register_buffer("gain", coordinate_gain(features, coordinates), persistent=False)

    def seen(self, inputs: EntityInputs, plan: AttentionPlan, label: SubtaskLabel | None) -> Tensor:
        """As of `AgentNetwork`, with the pairs; labels, if they are shown, are compared as well."""
        seen = super().seen(inputs, plan, label)

        def asking(x: Tensor) -> Tensor:
            return plan.gather_queries(x[:, : plan.agents].expand(plan.views, -1, -1, -1))

        own = linear(asking(inputs.dense), self.own.weight * self.gain, self.own.bias)
        other = linear(plan.gather(inputs.dense), self.other.weight * self.gain)
        embed = self.encoder.embedding
        if label is not None and embed is not None:
            # A difference, so that equal labels are the same comparison whatever the permutation.
            own = own + embed(asking(label.membership), label.permutation)
            other = other - embed(plan.gather(label.membership), label.permutation)
        pairs = plan.pair_sum(own, other)
        return seen + linear(pairs, self.compared.weight, self.compared.bias)
