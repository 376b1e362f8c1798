"""The monotonic mixer: weights from attention over entities turn agents' utilities into values."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import AttentionPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.popart import PopArt, Unnormalised


class HyperNetwork(nn.Module):
    """A row of ``mixing_dim`` numbers per agent: ReLU(Linear), attention, Linear (docs/reference/alma.md#mixer)."""

    def __init__(self, features: int, dim: int, heads: int, mixing_dim: int) -> None:
        super().__init__()
        self.encode = nn.Linear(features, dim)
        self.attention = EntityAttention(dim, heads)
        self.head = nn.Linear(dim, mixing_dim)


def hyper_rows(
    networks: Sequence[HyperNetwork], inputs: EntityInputs, plan: AttentionPlan, views: slice = slice(None)
) -> Tensor:
    """Rows (S, V Q, mixing_dim) of S hypernetworks of the same sizes, for the asking agents."""
    mixed = plan.encode_and_attend(
        inputs,
        [network.encode for network in networks],
        [network.attention.project_in.weight for network in networks],
        networks[0].attention.heads,
        views,
    )
    # Two linear maps without anything between them are one, and the folded one has mixing_dim outputs only.
    outs = [network.attention.project_out for network in networks]
    head = torch.stack([network.head.weight for network in networks])
    weight = torch.bmm(head, torch.stack([out.weight for out in outs]))
    bias = torch.stack([network.head.bias for network in networks]).unsqueeze(2)
    bias = torch.baddbmm(bias, head, torch.stack([out.bias for out in outs]).unsqueeze(2))
    return torch.baddbmm(bias.transpose(1, 2), mixed, weight.transpose(1, 2))


class MixingWeights(NamedTuple):
    """What the hypernetworks make of one batch of steps; ``M`` = mixing width, ``G`` = number of values."""

    plan: AttentionPlan
    """Which agents ask."""
    grouping: Tensor
    """Which group each of them belongs to, see `AttentionPlan.grouping`."""
    agent_weight: Tensor
    """(V, Q, M), of the asking agents."""
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
    def weights(self, inputs: EntityInputs, plan: AttentionPlan, membership: Tensor) -> Any:
        """What `mix` needs of one batch of steps.

        Args: inputs of N x E entities; plan, who is seen from every agent, in V views; membership (N, A) int64, the
        group of each agent, -1 for none.
        """

    @abstractmethod
    def mix(self, utilities: Tensor, weights: Any, views: slice = slice(0, 1)) -> Tensor:
        """Raw values of the utilities seen in the chosen views, whose contributions are summed.

        Args: utilities (V, N, A), V the number of views chosen. Returns (N, G).
        """

    def forward(self, utilities: Tensor, inputs: EntityInputs, plan: AttentionPlan, membership: Tensor) -> Tensor:
        """Raw values (N, G) of utilities (N, A) in the plan's first view."""
        return self.mix(utilities.unsqueeze(0), self.weights(inputs, plan, membership))


class Mixer(UtilityMixer):
    """Values of groups of agents, monotonic in the utilities of the group's agents (docs/reference/alma.md#mixer).

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
        reference's non-negative biases (docs/reference/quirks.md#q1); without it they are signed, as in REFIL."""
        super().__init__()
        sizes = (features, hypernet_dim, heads, mixing_dim)
        self.agent_weight = HyperNetwork(*sizes)
        self.value_weight = HyperNetwork(*sizes)
        self.hidden_bias = HyperNetwork(*sizes)
        self.value_bias = HyperNetwork(*sizes)
        self.popart = PopArt(groups) if popart else Unnormalised()
        self._groups = groups
        self._positive = _softmax if softmax_weights else torch.abs
        self._bias_sign = torch.abs if bias_abs else identity

    def weights(self, inputs: EntityInputs, plan: AttentionPlan, membership: Tensor) -> MixingWeights:
        of_groups = [self.value_weight, self.hidden_bias, self.value_bias]
        if plan.views == 1:
            rows = hyper_rows([self.agent_weight, *of_groups], inputs, plan)
            agent_weight, rows = rows[0], rows[1:]
        else:
            (agent_weight,) = hyper_rows([self.agent_weight], inputs, plan)
            rows = hyper_rows(of_groups, inputs, plan, slice(0, 1))
        grouping = plan.grouping(membership, self._groups)
        side_by_side = rows.transpose(0, 1).flatten(1)
        mean = plan.group_sum(side_by_side, grouping, self._groups) / membership.shape[1]
        value_weight, hidden_bias, value_bias = mean.chunk(3, -1)
        return MixingWeights(
            plan,
            grouping,
            self._positive(agent_weight).unflatten(0, (plan.views, -1)),
            self._positive(value_weight),
            self._bias_sign(hidden_bias),
            self._bias_sign(value_bias.mean(-1)),
        )

    def mix(self, utilities: Tensor, weights: MixingWeights, views: slice = slice(0, 1)) -> Tensor:
        utility = weights.plan.gather_queries(utilities.unsqueeze(-1))
        contribution = utility * weights.agent_weight[views].flatten(0, 1)
        hidden = weights.plan.group_sum(contribution, weights.grouping, self._groups)
        hidden = F.elu(hidden + weights.hidden_bias)
        return (hidden * weights.value_weight).sum(-1) + weights.value_bias


def _softmax(x: Tensor) -> Tensor:
    return x.softmax(-1)


def identity(x: Tensor) -> Tensor:
    """Leaves signs alone."""
    return x
