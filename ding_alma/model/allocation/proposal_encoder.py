"""Embeddings of agents and subtasks at a decision (docs/reference/alma.md#embeddings-of-agents-and-subtasks)."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ding_alma.model.allocation.decision_rows import DecisionRows, describe, fill_up
from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.linear import linear
from ding_alma.model.one_hot import one_hot
from ding_alma.model.subtask_embedding import SubtaskEmbedding


class ProposalEncoding(NamedTuple):
    """What the allocation of N decisions starts from."""

    agents: Tensor
    """(N, A, D)."""
    subtasks: Tensor
    """(N, K, D), sum over the subtask's non-agent entities."""
    members: Tensor
    """(N, K) scaled number of non-agent entities, finished and dead ones included."""
    pairs: Tensor | None = None
    """(N, A, K) added to every agent's logits, whoever has joined the subtask; None adds nothing."""


class Encoder(nn.Module, ABC):
    """Describes the agents and subtasks of a decision to a decoder."""

    @abstractmethod
    def forward(self, state: DecisionState, permutation: Tensor) -> ProposalEncoding:
        """Encode N decisions; ``permutation`` (K + extra,) is that of a subtask embedding."""


class ProposalEncoder(Encoder):
    """The paper's: agents by features and last allocation, subtasks by attention among their non-agent entities."""

    def __init__(self, features: int, subtasks: int, dim: int, heads: int, extra_subtasks: int = 0) -> None:
        super().__init__()
        self.dim = dim
        self.encode_entity = nn.Linear(features, dim)
        self.embed_subtask = SubtaskEmbedding(subtasks, dim, extra_subtasks)
        self.attention = EntityAttention(dim, heads)

    def forward(self, state: DecisionState, permutation: Tensor) -> ProposalEncoding:
        return (self.encode_rows if state.compiled else self.encode)(state, permutation)

    def encode(self, state: DecisionState, permutation: Tensor) -> ProposalEncoding:
        """`forward` by regular tensor operations."""
        agents = state.agents
        belongs = one_hot(state.other_subtask, state.subtasks)
        membership = torch.cat([one_hot(state.last_allocation, state.subtasks), belongs], 1)
        x = self.encode_entity(state.entities) + self.embed_subtask(membership, permutation)
        others = self.attention(x[:, agents:].relu(), self.visible(state), state.entity_mask[:, agents:])
        subtasks = belongs.transpose(1, 2) @ others
        return ProposalEncoding(self.embed_agents(x[:, :agents], state), subtasks, COUNT_SCALE * belongs.sum(1))

    def encode_rows(self, state: DecisionState, permutation: Tensor) -> ProposalEncoding:
        """`forward` with those non-agent entities alone that a subtask's embedding needs."""
        subtask, (points, entities) = state.other_subtask, state.entity_mask.shape
        agents, others = state.agents, entities - state.agents
        chosen = DecisionRows.of(self.visible(state), state.entity_mask[:, agents:] & (subtask >= 0))
        of_others = chosen.rows // max(others, 1) * entities + agents + chosen.rows % max(others, 1)
        of_agents = np.arange(points)[:, None] * entities + np.arange(agents)
        rows = fill_up(np.concatenate([of_others, of_agents.ravel()]))
        described = describe(rows, state, state.last_allocation, permutation)
        weight = torch.cat([self.encode_entity.weight, self.embed_subtask.project.weight], 1)
        x = linear(described, weight, self.encode_entity.bias)
        x_others, x_agents, _ = x.split([len(of_others), of_agents.size, len(rows) - len(of_others) - of_agents.size])

        seen = chosen.attend(x_others.relu(), self.attention)[: len(chosen.asking)]
        asking = torch.from_numpy(chosen.asking)
        slot = asking // max(others, 1) * state.subtasks + subtask.flatten()[asking]
        subtasks = x.new_zeros(points * state.subtasks, self.dim).index_add(0, slot, self.attention.project_out(seen))
        return ProposalEncoding(
            self.embed_agents(x_agents.view(points, agents, self.dim), state),
            subtasks.view(points, state.subtasks, self.dim),
            COUNT_SCALE * one_hot(subtask, state.subtasks).sum(1),
        )

    def visible(self, state: DecisionState) -> Tensor:
        """(N, E - A, E - A) bool, non-agent entities attend within their subtask; dead ones are still seen
        (docs/reference/quirks.md#q9)."""
        subtask = state.other_subtask
        return (subtask.unsqueeze(2) == subtask.unsqueeze(1)) & (subtask >= 0).unsqueeze(2)

    def embed_agents(self, x: Tensor, state: DecisionState) -> Tensor:
        """(N, A, D) final agent embeddings of the encoded agents ``x`` (N, A, D)."""
        return x
