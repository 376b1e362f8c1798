"""Ablations that the reference offers; none is published (docs/reference/alma.md#variants-of-the-proposal-network)."""

import math

import torch
from torch import Tensor, nn

from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.allocation.pointer_decoder import PointerDecoder
from ding_alma.model.allocation.proposal import Chooser, ProposalNetwork, Proposals, choice_entropy, choice_log_prob
from ding_alma.model.allocation.proposal_encoder import ProposalEncoder, ProposalEncoding
from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.one_hot import one_hot


class AgentAttentionEncoder(ProposalEncoder):
    """Agents also attend to the active agents that decide after them."""

    def embed_agents(self, x: Tensor, state: DecisionState) -> Tensor:
        after = torch.ones(state.agents, state.agents, dtype=torch.bool, device=x.device).triu(1)
        return x + self.attention(x.relu(), after & state.active.unsqueeze(1), state.active)


class UnmaskedEncoder(ProposalEncoder):
    """Non-agent entities attend to all existing ones, not only to those of their subtask."""

    def visible(self, state: DecisionState) -> Tensor:
        exists = state.entity_mask[:, state.agents :]
        return exists.unsqueeze(2) & exists.unsqueeze(1)


class PooledEncoder(UnmaskedEncoder):
    """Membership is a feature; non-agent entities are pooled into a single embedding (N, 1, D).

    The mean is taken over their padded number, as in the reference.
    """

    def __init__(self, features: int, subtasks: int, dim: int, heads: int) -> None:
        nn.Module.__init__(self)
        self.dim = dim
        self.encode_entity = nn.Linear(features + subtasks, dim)
        self.attention = EntityAttention(dim, heads)

    def forward(self, state: DecisionState, permutation: Tensor) -> ProposalEncoding:
        """Encode N decisions; there is no subtask embedding, so ``permutation`` has no effect."""
        agents = state.agents
        belongs = one_hot(state.other_subtask, state.subtasks)
        membership = torch.cat([one_hot(state.last_allocation, state.subtasks), belongs], 1)
        x = self.encode_entity(torch.cat([state.entities, membership], -1))
        others = self.attention(x[:, agents:].relu(), self.visible(state), state.entity_mask[:, agents:])
        # A mean that is zero, not NaN, where there are agents alone.
        pooled = others.sum(1, keepdim=True) / max(others.shape[1], 1)
        return ProposalEncoding(x[:, :agents], pooled, COUNT_SCALE * belongs.sum(1))


class StepwiseTally:
    """Collects the choices of all N x P proposals, agent by agent."""

    def __init__(self, state: DecisionState, proposals: int) -> None:
        self.state = state
        self.row = torch.arange(state.points * proposals, device=state.entities.device).view(state.points, proposals)
        self.choices: list[Tensor] = []
        self.log_prob = self.entropy = self.best_prob = state.entities.new_zeros(state.points, proposals)

    def add(self, agent: int, logits: Tensor, choose: Chooser) -> Tensor:
        """Let ``agent`` choose by ``logits`` (N, P, K); returns the choice one-hot (N, P, K), zero if inactive."""
        log_prob = choice_log_prob(logits, self.state.subtask_mask.unsqueeze(1))
        choice = choose(agent, log_prob.detach().flatten(0, 1), self.row)
        active = self.state.active[:, agent, None]
        self.log_prob = self.log_prob + log_prob.gather(-1, choice.unsqueeze(-1)).squeeze(-1) * active
        self.entropy = self.entropy + choice_entropy(log_prob) * active
        self.best_prob = self.best_prob + log_prob.detach().amax(-1).exp() * active
        self.choices.append(torch.where(active, choice, -1))
        return one_hot(self.choices[-1], self.state.subtasks)

    def proposals(self) -> Proposals:
        active_agents = self.state.active.sum(1, keepdim=True).clamp_min(1)
        return Proposals(torch.stack(self.choices, -1), self.log_prob, self.entropy, self.best_prob / active_agents)


class UpdateAllDecoder(nn.Module):
    """A choice updates the embeddings of all subtasks, each told which one was chosen."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.embed_count = nn.Linear(2, dim)
        self.update_subtask = nn.Linear(3 * dim, dim)

    def forward(self, encoding: ProposalEncoding, state: DecisionState, choose: Chooser, proposals: int) -> Proposals:
        """Decide ``proposals`` allocations per decision; see `ProposalDecoder`."""
        agents, subtasks, members, _ = encoding
        tally = StepwiseTally(state, proposals)
        subtask = subtasks.unsqueeze(1).expand(-1, proposals, -1, -1)
        members = members.unsqueeze(1).expand(-1, proposals, -1)
        joined = torch.zeros_like(members)
        for agent in range(state.agents):
            own = agents[:, agent, None, None].expand_as(subtask)
            pointed = subtask + self.embed_count(torch.stack([members, joined], -1))
            chosen = tally.add(agent, (own * pointed).sum(-1) / math.sqrt(own.shape[-1]), choose)
            joined = joined + COUNT_SCALE * chosen
            target = (chosen.unsqueeze(-2) @ subtask).expand_as(subtask)
            change = self.update_subtask(torch.cat([subtask, own, target], -1).relu())
            subtask = subtask + change * chosen.any(-1)[..., None, None]
        return tally.proposals()


class IndependentDecoder(nn.Module):
    """All agents choose at once, from the same embeddings."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.embed_count = nn.Linear(1, dim)

    def forward(self, encoding: ProposalEncoding, state: DecisionState, choose: Chooser, proposals: int) -> Proposals:
        """Decide ``proposals`` allocations per decision; see `ProposalDecoder`."""
        agents, subtasks, members, _ = encoding
        pointed = subtasks + self.embed_count(members.unsqueeze(-1))
        logits = agents @ pointed.transpose(1, 2) / math.sqrt(agents.shape[-1])
        tally = StepwiseTally(state, proposals)
        for agent in range(state.agents):
            tally.add(agent, logits[:, agent, None].expand(-1, proposals, -1), choose)
        return tally.proposals()


class PooledDecoder(nn.Module):
    """One output per subtask index instead of pointing; choices are folded into the pooled embedding."""

    def __init__(self, dim: int, subtasks: int) -> None:
        super().__init__()
        self.update_pool = nn.Linear(2 * dim + subtasks, dim)
        self.output = nn.Linear(2 * dim, subtasks)

    def forward(self, encoding: ProposalEncoding, state: DecisionState, choose: Chooser, proposals: int) -> Proposals:
        """Decide ``proposals`` allocations per decision; see `ProposalDecoder`."""
        tally = StepwiseTally(state, proposals)
        pool = encoding.subtasks.expand(-1, proposals, -1)
        for agent in range(state.agents):
            own = encoding.agents[:, agent, None].expand_as(pool)
            chosen = tally.add(agent, self.output(torch.cat([own, pool], -1).relu()), choose)
            change = self.update_pool(torch.cat([pool, own, chosen], -1).relu())
            pool = pool + change * chosen.any(-1, keepdim=True)
        return tally.proposals()


def build_proposal_network(
    variant: str, features: int, subtasks: int, dim: int, heads: int, extra_subtasks: int = 0
) -> ProposalNetwork:
    """The proposal network called ``variant``, one of `PROPOSAL_VARIANTS`.

    Raises:
        ValueError: unknown variant.
    """
    if variant not in PROPOSAL_VARIANTS:
        raise ValueError(f"unknown proposal network {variant!r}; choose one of {sorted(PROPOSAL_VARIANTS)}")
    encoder, decoder = PROPOSAL_VARIANTS[variant]
    if variant == "nopointer":
        return ProposalNetwork(encoder(features, subtasks, dim, heads), decoder(dim, subtasks))
    return ProposalNetwork(encoder(features, subtasks, dim, heads, extra_subtasks), decoder(dim))


PROPOSAL_VARIANTS: dict[str, tuple[type[ProposalEncoder], type[nn.Module]]] = {
    "default": (ProposalEncoder, PointerDecoder),
    "agattn": (AgentAttentionEncoder, PointerDecoder),
    "nosubtaskmask": (UnmaskedEncoder, PointerDecoder),
    "updall": (ProposalEncoder, UpdateAllDecoder),
    "nonautoreg": (ProposalEncoder, IndependentDecoder),
    "nopointer": (PooledEncoder, PooledDecoder),
}
"""Name -> encoder and decoder; the names are the reference's switches (extra subtasks combine with any pointer)."""
