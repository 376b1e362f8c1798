"""The value network of all value-based policies: agents, mixer and, for COPA, coach and recognition network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.pooling import MaxPooling, MeanPooling, Pooling
from ding_alma.model.subtask_embedding import SubtaskEmbedding
from ding_alma.model.value.agent import Agent, AgentNetwork
from ding_alma.model.value.agent_direct import DirectAgent
from ding_alma.model.value.agent_pairwise import PairwiseAgent
from ding_alma.model.value.agent_recurrent import RecurrentAgent
from ding_alma.model.value.copa import Coach, Recognition
from ding_alma.model.value.mixer import Mixer, UtilityMixer
from ding_alma.model.value.mixer_linear import LinearMixer
from ding_alma.model.value.mixer_sum import SumMixer

CONDITIONINGS = ("none", "mask", "embed")
"""How agents and mixers are told of subtasks: not at all (flat, COPA), by seeing their own subtask alone (ALMA), or by
embedded labels under full observability ("No Mask")."""
AGENTS: Mapping[str, type[Agent]] = {
    "feedforward": AgentNetwork,
    "recurrent": RecurrentAgent,
    "direct": DirectAgent,
    "pairwise": PairwiseAgent,
}
MIXERS: Mapping[str, type[UtilityMixer]] = {"flex": Mixer, "linear": LinearMixer, "vdn": SumMixer}
POOLINGS: Mapping[str, type[Pooling]] = {"attention": EntityAttention, "max": MaxPooling, "mean": MeanPooling}
"""What agents, mixers and the agents' view of entities may be made of, by the names that configs use."""


@dataclass(frozen=True)
class ValueShape:
    """Sizes of the value network; defaults are the paper's."""

    features: int
    actions: int
    subtasks: int
    attention_dim: int = 128
    attention_heads: int = 4
    hidden_dim: int = 64
    hypernet_dim: int = 128
    mixing_dim: int = 32
    extra_subtasks: int = 0
    """Further rows of every subtask embedding, for transfer to environments with more subtasks."""
    coordinates: tuple[int, ...] = ()
    """Features that say where an entity is, for agents that compare places."""
    last_action: bool = True
    """Agents and mixer read the agents' last actions beside the features."""

    @property
    def shown_actions(self) -> int:
        """Columns of the one-hot last action in the inputs."""
        return self.actions if self.last_action else 0


class ValueNetwork(nn.Module):
    """Container of the trained networks; ``coach`` and ``recognition`` are None without COPA."""

    def __init__(
        self,
        shape: ValueShape,
        conditioning: str = "mask",
        coach: bool = False,
        coach_labels: bool = True,
        softmax_mixing: bool = True,
        mixer_bias_abs: bool = True,
        popart: bool = True,
        agent: str = "feedforward",
        mixer: str = "flex",
        pooling: str = "attention",
    ) -> None:
        """``coach`` adds COPA's networks, which read embedded subtask labels if ``coach_labels``; ``agent``, ``mixer``
        and ``pooling`` are names in `AGENTS`, `MIXERS` and `POOLINGS`.

        Raises:
            ValueError: an unknown name.
        """
        super().__init__()
        if conditioning not in CONDITIONINGS:
            raise ValueError(f"conditioning must be one of {CONDITIONINGS}, got {conditioning!r}")
        self.conditioning = conditioning
        self.shown_actions = shape.shown_actions
        inputs = shape.features + shape.shown_actions

        def embedding(wanted: bool) -> SubtaskEmbedding | None:
            return SubtaskEmbedding(shape.subtasks, shape.attention_dim, shape.extra_subtasks) if wanted else None

        labelled = conditioning == "embed"
        chosen = _named(AGENTS, agent, "agent")
        more = dict(coordinates=shape.coordinates) if issubclass(chosen, PairwiseAgent) else {}
        self.agent = chosen(
            inputs,
            shape.actions,
            shape.attention_dim,
            shape.attention_heads,
            shape.hidden_dim,
            embedding(labelled),
            _named(POOLINGS, pooling, "pooling"),
            **more,
        )
        self.mixer = _named(MIXERS, mixer, "mixer")(
            inputs + (shape.subtasks if labelled else 0),
            1 if conditioning == "none" else shape.subtasks,
            shape.hypernet_dim,
            shape.attention_heads,
            shape.mixing_dim,
            softmax_mixing,
            mixer_bias_abs,
            popart,
        )
        self.coach = self.recognition = None
        if coach:
            # A strategy is as wide as the layer that it is added to.
            sizes = (shape.attention_dim, shape.attention_heads, self.agent.utility.in_features)
            self.coach = Coach(shape.features, *sizes, embedding(coach_labels))
            self.recognition = Recognition(shape.features, shape.actions, *sizes, embedding(coach_labels))


def _named(choices: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in choices:
        raise ValueError(f"{what} must be one of {sorted(choices)}, got {name!r}")
    return choices[name]
