"""REFIL's linear mixer: a weighted sum of utilities plus a state value (docs/reference/refil.md#linear-mixer)."""

from typing import NamedTuple

import torch
from torch import Tensor

from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.popart import PopArt, Unnormalised
from ding_alma.model.value.mixer import HyperNetwork, UtilityMixer, hyper_rows, identity


class LinearWeights(NamedTuple):
    """What the hypernetworks make of one batch of steps."""

    agent_score: Tensor
    """(V, N, A), zero for absent agents, of any sign."""
    value_bias: Tensor
    """(N, 1)."""


class LinearMixer(UtilityMixer):
    """Weights by softmax over all agents, absent ones included, of all the views that are mixed together."""

    def __init__(
        self,
        features: int,
        groups: int,
        hypernet_dim: int,
        heads: int,
        mixing_dim: int,
        softmax_weights: bool = True,
        bias_abs: bool = True,
        popart: bool = True,
    ) -> None:
        """As `Mixer`.

        Raises:
            ValueError: several groups; a softmax over agents of other groups would mix their values.
        """
        super().__init__()
        if groups != 1:
            raise ValueError(f"the linear mixer has one value for all agents, not one for each of {groups} subtasks")
        sizes = (features, hypernet_dim, heads, mixing_dim)
        self.agent_weight = HyperNetwork(*sizes)
        self.value_bias = HyperNetwork(*sizes)
        self.popart = PopArt(groups) if popart else Unnormalised()
        self._positive = softmax_over_agents if softmax_weights else torch.abs
        self._bias_sign = torch.abs if bias_abs else identity

    def weights(self, inputs: EntityInputs, plan: AttentionPlan, membership: Tensor) -> LinearWeights:
        bias = plan.scatter(hyper_rows([self.value_bias], inputs, plan, slice(0, 1))[0])
        bias = bias.squeeze(0).mean((1, 2)).unsqueeze(1)
        score = plan.scatter(hyper_rows([self.agent_weight], inputs, plan)[0]).mean(-1)
        return LinearWeights(score, self._bias_sign(bias))

    def shares(self, weights: LinearWeights, views: slice) -> Tensor:
        """Mixing weights (V, N, A) of the chosen views when these are mixed together."""
        return self._positive(weights.agent_score[views])

    def mix(self, utilities: Tensor, weights: LinearWeights, views: slice = slice(0, 1)) -> Tensor:
        total = torch.einsum("vna,vna->n", utilities, self.shares(weights, views))
        return total.unsqueeze(1) + weights.value_bias


def softmax_over_agents(score: Tensor) -> Tensor:
    """Over views and agents at once. Args: score (V, N, A). Returns the same shape."""
    together = score.transpose(0, 1).flatten(1).softmax(-1)
    return together.unflatten(1, (len(score), -1)).transpose(0, 1)
