"""The monotonic mixer: weights from attention over entities turn agents' utilities into values."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.attention import EntityAttention
from ding_alma.model.attention_plan import AttentionPlan
from ding_alma.model.linear import linear, linear_relu
from ding_alma.model.popart import PopArt, Unnormalised


class HyperNetwork(nn.Module):
    """A row of ``mixing_dim`` numbers per agent: ReLU(Linear), attention, Linear (spec ALMA 1.4)."""

    def __init__(self, features: int, dim: int, heads: int, mixing_dim: int) -> None:
        super().__init__()
        self.encode = nn.Linear(features, dim)
        self.attention = EntityAttention(dim, heads)
        self.head = nn.Linear(dim, mixing_dim)

    def forward(self, rows: Tensor, plan: AttentionPlan, views: slice) -> Tensor:
        """Args: rows (R, F), as gathered by ``plan``. Returns (V, N, A, mixing_dim), zero for agents not asking."""
        encoded = linear_relu(rows, self.encode.weight, self.encode.bias)
        # Two linear maps without anything between them are one, and the folded one has mixing_dim outputs only.
        project_out = self.attention.project_out
        weight = self.head.weight @ project_out.weight
        bias = torch.addmv(self.head.bias, self.head.weight, project_out.bias)
        return plan.scatter(linear(self.attention.mix(encoded, plan, views), weight, bias))


class MixingWeights(NamedTuple):
    """What the hypernetworks make of one batch of steps; ``M`` = mixing width, ``G`` = number of values."""

    agent_weight: Tensor
    """(V, N, A, M), before the gate."""
    value_weight: Tensor
    """(N, G, M)."""
    hidden_bias: Tensor
    """(N, G, M)."""
    value_bias: Tensor
    """(N, G)."""


class UtilityMixer(nn.Module, ABC):
    """Turns the utilities of groups of agents into one value per group, never lower for a higher utility.

    Outputs are raw: ``popart`` turns them into values on the normalised scale.
    """

    popart: PopArt | Unnormalised

    @abstractmethod
    def weights(self, inputs: Tensor, plan: AttentionPlan, gate: Tensor) -> Any:
        """What `mix` needs of one batch of steps.

        Args: inputs (N, E, I); plan, who is seen from every agent, in V views; gate (N, A, G) float32, 1 = the agent
        counts in the group.
        """

    @abstractmethod
    def mix(self, utilities: Tensor, gate: Tensor, weights: Any, views: slice = slice(0, 1)) -> Tensor:
        """Raw values of the utilities seen in the chosen views, whose contributions are summed.

        Args: utilities (V, N, A), V the number of views chosen; gate (N, A, G). Returns (N, G).
        """

    def forward(self, utilities: Tensor, inputs: Tensor, plan: AttentionPlan, gate: Tensor) -> Tensor:
        """Raw values (N, G) of utilities (N, A) in the plan's first view."""
        return self.mix(utilities.unsqueeze(0), gate, self.weights(inputs, plan, gate))


class Mixer(UtilityMixer):
    """Values of groups of agents, monotonic in the utilities of the group's agents (spec ALMA 1.4; REFIL, appendix).

    The number of groups is 1 (flat) or K (one per subtask).
    """

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
        """``softmax_weights`` makes mixing weights by softmax instead of absolute value. ``bias_abs`` keeps the
        reference's non-negative biases (quirk Q1); without it they are signed, as in REFIL."""
        super().__init__()
        sizes = (features, hypernet_dim, heads, mixing_dim)
        self.agent_weight = HyperNetwork(*sizes)
        self.value_weight = HyperNetwork(*sizes)
        self.hidden_bias = HyperNetwork(*sizes)
        self.value_bias = HyperNetwork(*sizes)
        self.popart = PopArt(groups) if popart else Unnormalised()
        self._positive = _softmax if softmax_weights else torch.abs
        self._bias_sign = torch.abs if bias_abs else identity

    def weights(self, inputs: Tensor, plan: AttentionPlan, gate: Tensor) -> MixingWeights:
        rows = plan.gather(inputs)
        of_agents = gate.transpose(1, 2) / gate.shape[1]
        value_weight, hidden_bias, value_bias = (
            of_agents @ network(rows, plan, slice(0, 1)).squeeze(0)
            for network in (self.value_weight, self.hidden_bias, self.value_bias)
        )
        return MixingWeights(
            self._positive(self.agent_weight(rows, plan, slice(None))),
            self._positive(value_weight),
            self._bias_sign(hidden_bias),
            self._bias_sign(value_bias.mean(-1)),
        )

    def mix(self, utilities: Tensor, gate: Tensor, weights: MixingWeights, views: slice = slice(0, 1)) -> Tensor:
        contribution = (utilities.unsqueeze(-1) * weights.agent_weight[views]).sum(0)
        hidden = F.elu(gate.transpose(1, 2) @ contribution + weights.hidden_bias)
        return (hidden * weights.value_weight).sum(-1) + weights.value_bias


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


def identity(x: Tensor) -> Tensor:
    """Leaves signs alone."""
    return x
