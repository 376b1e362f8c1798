"""Allocation of agents one after another by pointing at subtasks (docs/reference/alma.md#pointer-decoding).

On a CPU `pointer_tree` computes everything once per distinct prefix of choices instead of once per proposal. Which
prefixes are distinct depends on values, so that other devices compute every proposal.
"""

import math

import torch
from torch import Tensor, nn

from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.allocation.pointer_tree import decode_compiled
from ding_alma.model.allocation.proposal import Chooser, Proposals, choice_entropy, choice_log_prob
from ding_alma.model.allocation.proposal_encoder import ProposalEncoding


class PointerDecoder(nn.Module):
    """Each agent in index order points at a subtask, whose embedding then takes the agent in."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.embed_count = nn.Linear(2, dim)
        self.update_subtask = nn.Linear(2 * dim, dim)

    def forward(self, encoding: ProposalEncoding, state: DecisionState, choose: Chooser, proposals: int) -> Proposals:
        """Decide ``proposals`` allocations per decision; see `ProposalDecoder`."""
        if state.compiled:
            return decode_compiled(encoding, self.embed_count, self.update_subtask, state, choose, proposals)
        return self.decode(encoding, state, choose, proposals)

    def decode(self, encoding: ProposalEncoding, state: DecisionState, choose: Chooser, proposals: int) -> Proposals:
        """`forward` by regular tensor operations, whose shapes depend on no choice: nothing waits for a device."""
        points, agents, subtasks = state.points, state.agents, state.subtasks
        device = encoding.agents.device
        teams = SubtaskTeams(encoding, self.embed_count, self.update_subtask)

        row = torch.arange(points * proposals, device=device).view(points, proposals)
        team = torch.arange(subtasks, device=device).expand(points, proposals, subtasks)
        log_prob = entropy = best_prob = encoding.agents.new_zeros(points, proposals)
        allocation = torch.empty(points, proposals, agents, dtype=torch.int64, device=device)

        for agent in range(agents):
            decides = state.active[:, agent, None]
            choice_log = choice_log_prob(teams.logits_of(agent, team), state.subtask_mask.unsqueeze(1))
            entropy = entropy + choice_entropy(choice_log) * decides
            best_prob = best_prob + choice_log.detach().amax(-1).exp() * decides
            choice = choose(agent, choice_log.detach().view(-1, subtasks), row)
            allocation[..., agent] = torch.where(decides, choice, -1)
            chosen = choice.unsqueeze(-1)
            log_prob = log_prob + choice_log.gather(-1, chosen).squeeze(-1) * decides
            if agent + 1 < agents:
                joined = teams.join(agent, team.gather(-1, chosen).squeeze(-1))
                team = torch.where(decides.unsqueeze(-1), team.scatter(-1, chosen, joined.unsqueeze(-1)), team)

        active_agents = state.active.sum(1, keepdim=True).clamp_min(1)
        return Proposals(allocation, log_prob, entropy, best_prob / active_agents)


class SubtaskTeams:
    """Embeddings and logits of the subtasks of N decisions with the agents that have joined them.

    A decision's teams 0 .. K - 1 are the subtasks before anybody joined; each `join` appends one per proposal. The
    logit of agent v for a team with embedding u and counts c is v (u + W c + b) / sqrt(D), and joining adds to u the
    vector U relu(u) + V relu(v') + b', so a new team's logits are its parent's plus a difference that needs no new
    embedding.
    """

    def __init__(self, encoding: ProposalEncoding, embed_count: nn.Linear, update_subtask: nn.Linear) -> None:
        agents, subtasks, members, pairs = encoding
        scale = 1 / math.sqrt(subtasks.shape[-1])
        self.weight_team, weight_agent = update_subtask.weight.split(subtasks.shape[-1], 1)
        counted = subtasks + embed_count(torch.stack([members, torch.zeros_like(members)], -1))
        self.logits = counted @ agents.transpose(1, 2) * scale
        if pairs is not None:
            self.logits = self.logits + pairs.transpose(1, 2)
        """(N, teams, A)."""
        self.entrance = agents.relu() @ weight_agent.T + update_subtask.bias
        """(N, A, D) what an agent adds to any team it joins."""
        head = COUNT_SCALE * embed_count.weight[:, 1]
        self.meeting = agents @ (self.entrance + head).transpose(1, 2) * scale
        """(N, A, A) what the second agent's joining adds to the first one's logit for that team, whoever is in it."""
        self.probe = (agents @ self.weight_team * scale).transpose(1, 2)
        """(N, D, A) projects relu(u) on every agent."""
        self.embedding = subtasks
        """(N, teams, D)."""

    def logits_of(self, agent: int, team: Tensor) -> Tensor:
        """Logits of an agent for teams (N, P, K), of that shape."""
        return self.logits[..., agent].gather(1, team.flatten(1)).view_as(team)

    def join(self, agent: int, team: Tensor) -> Tensor:
        """Let ``agent`` join the teams (N, P); returns the resulting teams (N, P)."""
        known = self.embedding.shape[1]
        before, logits = (
            of_teams.gather(1, team.unsqueeze(-1).expand(-1, -1, of_teams.shape[-1]))
            for of_teams in (self.embedding, self.logits)
        )
        inside = before.relu()
        logits = logits + inside @ self.probe + self.meeting[:, None, :, agent]
        embedding = before + inside @ self.weight_team.T + self.entrance[:, None, agent]
        self.logits = torch.cat([self.logits, logits], 1)
        self.embedding = torch.cat([self.embedding, embedding], 1)
        return torch.arange(known, known + team.shape[1], device=team.device).expand_as(team)
