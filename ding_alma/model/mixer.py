"""The monotonic mixer: weights from attention over entities turn agents' utilities into values."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.attention_plan import AttentionPlan
from ding_alma.model.popart import PopArt, Unnormalised

NETWORKS = ("agent_weight", "value_weight", "hidden_bias", "value_bias")
"""The hypernetworks, in the order in which they are stacked."""


class HyperNetworks(nn.Module):
    """Four networks ReLU(Linear) - attention - Linear with weights of their own, evaluated together (spec ALMA 1.4).

    Every parameter is the stack of the four networks' parameters along its first axis.
    """

    def __init__(self, features: int, dim: int, heads: int, mixing_dim: int) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"hypernetwork width {dim} is not divisible by {heads} heads")
        self.dim = dim
        self.heads = heads
        networks = len(NETWORKS)
        self.encode_weight = _stack(features, networks, dim, features)
        self.encode_bias = _stack(features, networks, dim)
        self.project_in_weight = _stack(dim, networks, 3 * dim, dim)
        self.project_out_weight = _stack(dim, networks, dim, dim)
        self.project_out_bias = _stack(dim, networks, dim)
        self.head_weight = _stack(dim, networks, mixing_dim, dim)
        self.head_bias = _stack(dim, networks, mixing_dim)

    def forward(self, inputs: Tensor, plan: AttentionPlan) -> tuple[Tensor, Tensor | None]:
        """Rows of hypernetwork outputs per agent, zero for agents that do not ask.

        Args: inputs (N, E, F). Returns the first view of all networks, (4, N, A, mixing_dim), and the further views of
        the first network, (V - 1, N, A, mixing_dim), None if the plan has one view.
        """
        networks = len(NETWORKS)
        rows = plan.gather(inputs)
        encoded = torch.baddbmm(
            self.encode_bias.unsqueeze(1), rows.expand(networks, -1, -1), self.encode_weight.transpose(1, 2)
        ).relu_()
        weight_q, weight_kv = self.project_in_weight.split([self.dim, 2 * self.dim], 1)
        query = torch.bmm(plan.asking(encoded), weight_q.transpose(1, 2))
        key_value = torch.bmm(encoded, weight_kv.transpose(1, 2))
        # Two linear maps without anything between them are one, and the folded one has mixing_dim outputs only.
        weight = torch.bmm(self.head_weight, self.project_out_weight).transpose(1, 2)
        bias = torch.baddbmm(self.head_bias.unsqueeze(2), self.head_weight, self.project_out_bias.unsqueeze(2))
        bias = bias.transpose(1, 2)

        mixed = plan.attend(query, key_value, self.heads, slice(0, 1))
        first = plan.scatter(torch.baddbmm(bias, mixed, weight)).squeeze(1)
        if plan.views == 1:
            return first, None
        mixed = plan.attend(query[:1], key_value[:1], self.heads, slice(1, plan.views))
        return first, plan.scatter(torch.baddbmm(bias[:1], mixed, weight[:1])).squeeze(0)


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


class Mixer(nn.Module):
    """Values of groups of agents, monotonic in the utilities of the group's agents (spec ALMA 1.4; REFIL, appendix).

    The number of groups is 1 (flat) or K (one per subtask). Outputs are raw: ``popart`` turns them into values on the
    normalised scale.
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
        self.hypernetworks = HyperNetworks(features, hypernet_dim, heads, mixing_dim)
        self.popart = PopArt(groups) if popart else Unnormalised()
        self._positive = _softmax if softmax_weights else torch.abs
        self._bias_sign = torch.abs if bias_abs else _identity

    def weights(self, inputs: Tensor, plan: AttentionPlan, gate: Tensor) -> MixingWeights:
        """Args: inputs (N, E, F); gate (N, A, G) float32, 1 = the agent counts in the group."""
        first, further = self.hypernetworks(inputs, plan)
        agents = gate.shape[1]
        share = gate.transpose(1, 2) / agents
        value_weight, hidden_bias, value_bias = (share @ first[1:].movedim(0, 2).flatten(2)).chunk(3, -1)
        views = first[:1] if further is None else torch.cat([first[:1], further])
        return MixingWeights(
            self._positive(views),
            self._positive(value_weight),
            self._bias_sign(hidden_bias),
            self._bias_sign(value_bias.mean(-1)),
        )

    def mix(self, utilities: Tensor, gate: Tensor, weights: MixingWeights, views: slice = slice(0, 1)) -> Tensor:
        """Raw values of the utilities seen in the chosen views, whose contributions are summed.

        Args: utilities (V, N, A), V the number of views chosen; gate (N, A, G). Returns (N, G).
        """
        contribution = (utilities.unsqueeze(-1) * weights.agent_weight[views]).sum(0)
        hidden = F.elu(gate.transpose(1, 2) @ contribution + weights.hidden_bias)
        return (hidden * weights.value_weight).sum(-1) + weights.value_bias

    def forward(self, utilities: Tensor, inputs: Tensor, plan: AttentionPlan, gate: Tensor) -> Tensor:
        """Raw values (N, G) of utilities (N, A) in the plan's first view."""
        return self.mix(utilities.unsqueeze(0), gate, self.weights(inputs, plan, gate))


def _stack(fan_in: int, *shape: int) -> nn.Parameter:
    bound = fan_in**-0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


def _identity(x: Tensor) -> Tensor:
    return x
