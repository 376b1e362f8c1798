"""Embeddings of agents and subtasks at a decision (ALMA, allocation controller; spec 2.2, steps 1 to 3)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ding_alma.model.attention import EntityAttention
from ding_alma.model.decision_state import DecisionState, one_hot
from ding_alma.model.subtask_embedding import SubtaskEmbedding

COUNT_SCALE = 0.2
"""Head counts are multiplied by this before any network sees them."""


class ProposalEncoding(NamedTuple):
    """What the allocation of N decisions starts from."""

    agents: Tensor
    """(N, A, D)."""
    subtasks: Tensor
    """(N, K, D), sum over the subtask's non-agent entities."""
    members: Tensor
    """(N, K) scaled number of non-agent entities, finished and dead ones included."""


class ProposalEncoder(nn.Module):
    """Agents by their features and last allocation, subtasks by attention among their own non-agent entities."""

    def __init__(self, features: int, subtasks: int, dim: int, heads: int, extra_subtasks: int = 0) -> None:
        super().__init__()
        self.dim = dim
        self.encode_entity = nn.Linear(features, dim)
        self.embed_subtask = SubtaskEmbedding(subtasks, dim, extra_subtasks)
        self.attention = EntityAttention(dim, heads)

    def forward(self, state: DecisionState, permutation: Tensor) -> ProposalEncoding:
        """Encode N decisions; ``permutation`` (K + extra,) is that of the subtask embedding."""
        agents = state.agents
        belongs = one_hot(state.other_subtask, state.subtasks)
        membership = torch.cat([one_hot(state.last_allocation, state.subtasks), belongs], 1)
        x = self.encode_entity(state.entities) + self.embed_subtask(membership, permutation)
        others = self.attention(x[:, agents:].relu(), self.visible(state), state.entity_mask[:, agents:])
        subtasks = belongs.transpose(1, 2) @ others
        return ProposalEncoding(self.embed_agents(x[:, :agents], state), subtasks, COUNT_SCALE * belongs.sum(1))

    def visible(self, state: DecisionState) -> Tensor:
        """(N, E - A, E - A) bool, non-agent entities attend within their subtask; dead ones are still seen (Q9)."""
        subtask = state.other_subtask
        return (subtask.unsqueeze(2) == subtask.unsqueeze(1)) & (subtask >= 0).unsqueeze(2)

    def embed_agents(self, x: Tensor, state: DecisionState) -> Tensor:
        """(N, A, D) final agent embeddings of the encoded agents ``x`` (N, A, D)."""
        return x
