"""Everything that the low level trains: agents, mixer and, for COPA, coach and recognition network."""

from dataclasses import dataclass

from torch import nn

from ding_alma.model.agent import AgentNetwork
from ding_alma.model.copa import Coach, Recognition
from ding_alma.model.mixer import Mixer
from ding_alma.model.subtask_embedding import SubtaskEmbedding

CONDITIONINGS = ("none", "mask", "embed")
"""How agents and mixers are told of subtasks: not at all (flat, COPA), by seeing their own subtask alone (ALMA), or by
embedded labels under full observability ("No Mask")."""


@dataclass(frozen=True)
class LowLevelShape:
    """Sizes of the low level; defaults are the paper's."""

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


class LowLevel(nn.Module):
    """Container of the trained networks; ``coach`` and ``recognition`` are None without COPA."""

    def __init__(
        self,
        shape: LowLevelShape,
        conditioning: str = "mask",
        coach: bool = False,
        coach_labels: bool = True,
        softmax_mixing: bool = True,
        mixer_bias_abs: bool = True,
        popart: bool = True,
    ) -> None:
        """``coach`` adds COPA's networks, which read embedded subtask labels if ``coach_labels``.

        Raises:
            ValueError: unknown ``conditioning``.
        """
        super().__init__()
        if conditioning not in CONDITIONINGS:
            raise ValueError(f"conditioning must be one of {CONDITIONINGS}, got {conditioning!r}")
        self.conditioning = conditioning
        inputs = shape.features + shape.actions

        def embedding(wanted: bool) -> SubtaskEmbedding | None:
            return SubtaskEmbedding(shape.subtasks, shape.attention_dim, shape.extra_subtasks) if wanted else None

        labelled = conditioning == "embed"
        self.agent = AgentNetwork(
            inputs, shape.actions, shape.attention_dim, shape.attention_heads, shape.hidden_dim, embedding(labelled)
        )
        self.mixer = Mixer(
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
            sizes = (shape.attention_dim, shape.attention_heads, shape.hidden_dim)
            self.coach = Coach(shape.features, *sizes, embedding(coach_labels))
            self.recognition = Recognition(shape.features, shape.actions, *sizes, embedding(coach_labels))
