"""Allocation of agents one after another by pointing at subtasks (docs/reference/alma.md#pointer-decoding).

A subtask's embedding depends on the proposal only through who has joined the subtask so far, and a choice only through
the prefix of choices before it. Both are therefore computed once per distinct case instead of once per proposal.
"""

import math

import torch
from torch import Tensor, nn

from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.allocation.distinct import distinct
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
        """`forward` by regular tensor operations."""
        points, agents, subtasks = state.points, state.agents, state.subtasks
        device = encoding.agents.device
        teams = SubtaskTeams(encoding, self.embed_count, self.update_subtask)

        # A prefix row is one distinct beginning of an allocation of one decision; proposals point at their row.
        row = torch.arange(points, device=device).unsqueeze(1).expand(points, proposals)
        point = torch.arange(points, device=device)
        team = torch.arange(points * subtasks, device=device).view(points, subtasks)
        log_prob = entropy = encoding.agents.new_zeros(points)
        best_prob = log_prob
        allocation = torch.empty(points, proposals, agents, dtype=torch.int64, device=device)

        for agent in range(agents):
            active = state.active[point, agent]
            choice_log = choice_log_prob(teams.next_logits[team], state.subtask_mask[point])
            entropy = entropy + choice_entropy(choice_log) * active
            best_prob = best_prob + choice_log.detach().amax(-1).exp() * active
            choice = choose(agent, choice_log.detach(), row)
            decides = state.active[:, agent, None]
            allocation[..., agent] = torch.where(decides, choice, -1)

            branch = row * (subtasks + 1) + torch.where(decides, choice, subtasks)
            branch, row = distinct(branch, point.numel() * (subtasks + 1))
            parent, chosen = branch // (subtasks + 1), branch % (subtasks + 1)
            joins = chosen < subtasks
            chosen = chosen.clamp(max=subtasks - 1)
            log_prob = log_prob[parent] + choice_log[parent, chosen] * joins
            entropy, best_prob, point, team = entropy[parent], best_prob[parent], point[parent], team[parent]
            if agent + 1 < agents:
                joining = joins.nonzero().squeeze(1)
                chosen = chosen[joining]
                team[joining, chosen] = teams.join(agent, team[joining, chosen])

        active_agents = state.active.sum(1, keepdim=True).clamp_min(1)
        return Proposals(allocation, log_prob[row], entropy[row], best_prob[row] / active_agents)


class SubtaskTeams:
    """Embeddings and logits of subtasks for every distinct set of agents that has joined one.

    A team is one (decision, subtask, set of joined agents). Teams 0 .. N K - 1 are the empty ones, row-major; `join`
    appends others. The logit of agent v for a team with embedding u and counts c is v (u + W c + b) / sqrt(D), and
    joining adds to u the vector U relu(u) + V relu(v') + b', so a new team's logits are its parent's plus a difference
    that needs no new embedding; an embedding is only computed once somebody joins that team in turn.
    """

    def __init__(self, encoding: ProposalEncoding, embed_count: nn.Linear, update_subtask: nn.Linear) -> None:
        agents, subtasks, members = encoding
        points, count, dim = subtasks.shape
        self.scale = 1 / math.sqrt(dim)
        self.weight_team, weight_agent = update_subtask.weight.split(dim, 1)
        counted = subtasks + embed_count(torch.stack([members, torch.zeros_like(members)], -1))
        self.logits = (counted @ agents.transpose(1, 2)).view(points * count, -1) * self.scale
        """(teams, agents from the one that decides next) ."""
        self.entrance = agents.relu() @ weight_agent.T + update_subtask.bias
        """(N, A, D) what an agent adds to any team it joins."""
        head = COUNT_SCALE * embed_count.weight[:, 1]
        self.meeting = agents @ (self.entrance + head).transpose(1, 2) * self.scale
        """(N, A, A) what the second agent's joining adds to the first one's logit for that team, whoever is in it."""
        self.probe = agents @ self.weight_team * self.scale
        """(N, A, D) projects an agent on relu(u)."""
        self.point = torch.arange(points, device=agents.device).repeat_interleave(count)
        self.parent = torch.arange(points * count, device=agents.device)
        self.newest = torch.zeros_like(self.parent)
        """(teams,) the agent that joined last."""
        self.embedding = subtasks.reshape(points * count, dim)
        self.place = torch.arange(points * count, device=agents.device)
        """(teams,) row of ``embedding``, -1 while it has not been needed."""

    @property
    def next_logits(self) -> Tensor:
        """(teams,) logit of each team for the agent that decides next."""
        return self.logits[:, 0]

    def join(self, agent: int, team: Tensor) -> Tensor:
        """Let ``agent``, who decided last, join every team in ``team`` (R,); returns the resulting teams (R,)."""
        known = self.point.numel()
        parents, place = distinct(team, known)
        self._embed(parents)
        point = self.point[parents]
        later = slice(agent + 1, None)
        inside = self.embedding[self.place[parents]].relu()
        moved = (self.probe[:, later][point] @ inside.unsqueeze(2)).squeeze(2)
        logits = self.logits[:, 1:]
        self.logits = torch.cat([logits, logits[parents] + moved + self.meeting[:, later, agent][point]])
        self.point = torch.cat([self.point, point])
        self.parent = torch.cat([self.parent, parents])
        self.newest = torch.cat([self.newest, torch.full_like(parents, agent)])
        self.place = torch.cat([self.place, torch.full_like(parents, -1)])
        return known + place

    def _embed(self, teams: Tensor) -> None:
        """Compute the embeddings of ``teams`` (R,) that have not been needed yet; their parents' have."""
        missing = teams[self.place[teams] < 0]
        if not missing.numel():
            return
        before = self.embedding[self.place[self.parent[missing]]]
        entrance = self.entrance[self.point[missing], self.newest[missing]]
        self.place[missing] = self.embedding.shape[0] + torch.arange(missing.numel(), device=missing.device)
        self.embedding = torch.cat([self.embedding, before + before.relu() @ self.weight_team.T + entrance])
