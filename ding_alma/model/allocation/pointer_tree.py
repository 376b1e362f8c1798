"""The pointer decoder as compiled loops with a gradient of their own, for CPUs.

Everything is computed once per distinct prefix of choices (`pointer_rows`) and per distinct team (`pointer_teams`); the
gradient walks the same tree backwards. Only the products with the weights are left to PyTorch.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ding_alma.model.allocation import pointer_rows, pointer_teams
from ding_alma.model.allocation.decision_state import COUNT_SCALE, DecisionState
from ding_alma.model.allocation.proposal import FINISHED_LOGIT, Chooser, Proposals
from ding_alma.model.allocation.proposal_encoder import ProposalEncoding


class _Level(NamedTuple):
    """One agent's choice: R rows before it, S after it, and the teams and embeddings that it brings about."""

    point: np.ndarray
    team: np.ndarray
    log_prob: np.ndarray
    gain: np.ndarray
    parent: np.ndarray
    chosen: np.ndarray
    teams: tuple[int, int] = (0, 0)
    """First and last + 1."""
    missing: np.ndarray = np.empty(0, np.int64)
    """Teams whose embeddings were computed."""
    embeddings: tuple[int, int] = (0, 0)
    """Rows of those embeddings."""


class PointerTree:
    """All choices of P proposals per decision, made and then differentiable."""

    def __init__(
        self,
        agents: Tensor,
        subtasks: Tensor,
        count: tuple[Tensor, Tensor],
        update: tuple[Tensor, Tensor],
        pairs: Tensor | None,
        members: Tensor,
        state: DecisionState,
        choose: Chooser,
        proposals: int,
    ) -> None:
        """Args: agents, subtasks, pairs and members as in `ProposalEncoding`; count and update, weight and bias of the
        decoder's layers. None of them tracks gradients."""
        points, self.agent_count, dim = agents.shape
        subtask_count = subtasks.shape[1]
        self.scale = np.float32(1 / math.sqrt(dim))
        self.active = state.active.contiguous().numpy()
        self.unfinished = state.subtask_mask.contiguous().numpy()
        self.weight_team, self.weight_agent = (part.contiguous() for part in update[0].split(dim, 1))
        self.agents, self.members = agents.contiguous(), members
        self.counted = torch.addcmul(subtasks + count[1], members.unsqueeze(-1), count[0][:, 0])
        self.relu_agents = self.agents.view(-1, dim).relu()
        self.entrance = F.linear(self.relu_agents, self.weight_agent, update[1]).view_as(self.agents)
        self.probe = (self.agents.view(-1, dim) @ self.weight_team).mul_(float(self.scale)).view_as(self.agents)
        self.head = COUNT_SCALE * count[0][:, 1]

        empty, most = points * subtask_count, points * (subtask_count + proposals * max(self.agent_count - 1, 0))
        self.point, self.parent, self.newest, self.place = (np.empty(most, np.int64) for _ in range(4))
        self.point[:empty] = np.repeat(np.arange(points), subtask_count)
        self.place[:empty] = np.arange(empty)
        self.logits = np.empty((most, self.agent_count), np.float32)
        self.embedding = np.empty((most, dim), np.float32)
        self.embedding[:empty] = subtasks.numpy().reshape(empty, dim)
        self.relu_parents: list[Tensor] = []
        self.meeting = np.empty((points, self.agent_count, self.agent_count), np.float32)
        self.arrays = tuple(x.numpy() for x in (self.agents, self.counted, self.entrance, self.head, self.probe))
        agent_rows, counted, entrance, head, _ = self.arrays
        # The loop leaves agents out that are not active, and whatever stood there would be added to.
        self.logits[:empty] = 0
        pointer_teams.first_logits(agent_rows, counted, self.active, self.scale, self.logits)
        if pairs is not None:
            self.logits[:empty] += pairs.transpose(1, 2).reshape(empty, -1).numpy()
        pointer_teams.meetings(agent_rows, entrance, head, self.active, self.scale, self.meeting)
        self.levels: list[_Level] = []
        self._grow(choose, proposals)

    def _grow(self, choose: Chooser, proposals: int) -> None:
        points, subtasks = self.unfinished.shape
        teams = embeddings = points * subtasks
        point, team = np.arange(points), np.arange(teams).reshape(points, subtasks)
        total = np.zeros((points, 3), np.float32)
        self.row = np.repeat(point[:, None], proposals, 1)
        self.allocation = np.empty((points, proposals, self.agent_count), np.int64)
        for agent in range(self.agent_count):
            rows, most = len(point), points * proposals
            log_prob, gain = np.empty((rows, subtasks), np.float32), np.empty((rows, 2), np.float32)
            pointer_rows.distributions(
                *(agent, point, team, self.logits, self.active, self.unfinished),
                *(np.float32(FINISHED_LOGIT), log_prob, gain),
            )
            choice = choose(agent, torch.from_numpy(log_prob), torch.from_numpy(self.row)).contiguous().numpy()
            parent, chosen = np.empty(most, np.int64), np.empty(most, np.int64)
            after = np.empty(most, np.int64), np.empty((most, subtasks), np.int64), np.empty((most, 3), np.float32)
            child = np.full((rows, subtasks + 1), -1)
            rows = pointer_rows.branch(
                *(agent, choice, self.active, point, team, log_prob, gain, total),
                *(self.row, child, parent, chosen, after, self.allocation),
            )
            before = point, team, log_prob, gain, parent[:rows], chosen[:rows]
            point, team, total = after[0][:rows], after[1][:rows], after[2][:rows]
            if agent + 1 == self.agent_count:
                self.levels.append(_Level(*before))
                break
            first, known = teams, embeddings
            missing = np.empty(rows, np.int64)
            teams, embeddings = pointer_teams.join(
                *(agent, before[-1], team, teams, embeddings, self.point, self.parent, self.newest, self.place),
                *(np.full(first, -1), missing),
            )
            self.levels.append(_Level(*before, (first, teams), missing[: embeddings - known], (known, embeddings)))
            self._embed(self.levels[-1].missing)
            pointer_teams.later_logits(
                *(agent, first, teams, self.point, self.parent, self.place, self.arrays[-1], self.meeting),
                *(self.active, self.embedding, self.logits),
            )
        self.total, self.teams, self.embeddings = total, teams, embeddings

    def _embed(self, missing: np.ndarray) -> None:
        """Compute the embeddings of teams (M,) that have not been needed yet; their parents' have."""
        if not len(missing):
            return
        relu = np.empty((len(missing), self.embedding.shape[1]), np.float32)
        pointer_teams.inside(missing, self.parent, self.place, self.embedding, relu)
        self.relu_parents.append(torch.from_numpy(relu))
        moved = F.linear(self.relu_parents[-1], self.weight_team)
        tree = self.point, self.parent, self.newest, self.place
        pointer_teams.take_in(missing, *tree, moved.numpy(), self.arrays[2], self.embedding)

    def totals(self) -> tuple[Tensor, Tensor, Tensor]:
        """(N, P) log-probability, entropy and mean largest probability of every proposal."""
        log_prob, entropy, best_prob = (torch.empty(self.row.shape) for _ in range(3))
        pointer_rows.collect(self.row, self.active, self.total, log_prob.numpy(), entropy.numpy(), best_prob.numpy())
        return log_prob, entropy, best_prob

    def slope(self, by_log_prob: Tensor, by_entropy: Tensor) -> tuple[Tensor, ...]:
        """Gradient by `totals`' first two (N, P) to that by agents, subtasks, both layers' parameters and pairs."""
        slope = np.zeros((len(self.total), 2), np.float32)
        pointer_rows.slope_of_leaves(self.row, by_log_prob.contiguous().numpy(), by_entropy.contiguous().numpy(), slope)
        by_logit = np.zeros((self.teams, self.agent_count), np.float32)
        agents, counted, entrance, head, probe = self.arrays
        to_agents, to_entrance, to_probe = (np.zeros_like(agents) for _ in range(3))
        to_embedding = np.zeros((self.embeddings, agents.shape[2]), np.float32)
        to_counted, to_head, to_meeting = (np.zeros_like(x) for x in (counted, head, self.meeting))
        by_agents, by_entrance, by_probe, by_embedding, by_counted, by_head = map(
            torch.from_numpy, (to_agents, to_entrance, to_probe, to_embedding, to_counted, to_head)
        )
        tree = self.point, self.parent, self.newest, self.place
        for agent, level in reversed(list(enumerate(self.levels))):
            first, last = level.teams
            pointer_teams.slope_of_later_logits(
                *(agent, first, last, self.point, self.parent, self.place, probe, self.active, self.embedding),
                *(by_logit, to_meeting, to_probe, to_embedding),
            )
            if len(level.missing):
                by_relu = by_embedding[slice(*level.embeddings)] @ self.weight_team
                pointer_teams.slope_of_take_in(
                    *(level.missing, *tree, by_relu.numpy(), self.embedding, to_entrance, to_embedding),
                )
            slope_after, slope = slope, np.zeros((len(level.point), 2), np.float32)
            pointer_rows.slope_of_choices(
                *(agent, level.point, level.team, self.active, self.unfinished, level.log_prob, level.gain),
                *(level.parent, level.chosen, slope_after, slope, np.zeros_like(level.log_prob), by_logit),
            )

        shared = self.active, self.scale
        pointer_teams.slope_of_first_logits(agents, counted, *shared, by_logit, to_agents, to_counted)
        pointer_teams.slope_of_meetings(agents, entrance, head, *shared, to_meeting, to_agents, to_entrance, to_head)
        empty, dim = self.counted[..., 0].numel(), self.agents.shape[2]
        by_entrance, by_probe = by_entrance.view(-1, dim), by_probe.view(-1, dim).mul_(float(self.scale))
        flat_agents, flat_counted = self.agents.view(-1, dim), by_counted.view(-1, dim)
        by_relu = torch.ops.aten.threshold_backward(by_entrance @ self.weight_agent, self.relu_agents, 0)
        by_agents.view(-1, dim).add_(by_relu).addmm_(by_probe, self.weight_team.T)
        by_team = flat_agents.T @ by_probe
        if self.relu_parents:
            by_team.addmm_(by_embedding[empty:].T, torch.cat(self.relu_parents))
        by_subtasks = by_embedding[:empty].add_(flat_counted).view_as(by_counted)
        by_count = torch.stack([self.members.view(-1) @ flat_counted, COUNT_SCALE * by_head], 1)
        by_update = torch.cat([by_team, by_entrance.T @ self.relu_agents], 1)
        by_pairs = torch.from_numpy(by_logit[:empty]).view(*self.unfinished.shape, -1).transpose(1, 2)
        return by_agents, by_subtasks, by_count, flat_counted.sum(0), by_update, by_entrance.sum(0), by_pairs


class _Decode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        agents: Tensor,
        subtasks: Tensor,
        count_weight: Tensor,
        count_bias: Tensor,
        update_weight: Tensor,
        update_bias: Tensor,
        pairs: Tensor | None,
        grow: Callable[..., PointerTree],
    ) -> tuple[Tensor, ...]:
        tree = grow(agents, subtasks, (count_weight, count_bias), (update_weight, update_bias), pairs)
        log_prob, entropy, best_prob = tree.totals()
        allocation = torch.from_numpy(tree.allocation)
        ctx.tree = tree
        ctx.mark_non_differentiable(allocation, best_prob)
        return log_prob, entropy, best_prob, allocation

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, by_log_prob: Tensor, by_entropy: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        *slopes, by_pairs = ctx.tree.slope(by_log_prob, by_entropy)
        return (*slopes, by_pairs if ctx.needs_input_grad[6] else None, None)


def decode_compiled(
    encoding: ProposalEncoding,
    embed_count: nn.Linear,
    update_subtask: nn.Linear,
    state: DecisionState,
    choose: Chooser,
    proposals: int,
) -> Proposals:
    """What `PointerDecoder` computes, of float32 tensors on a CPU."""
    grow = partial(PointerTree, members=encoding.members, state=state, choose=choose, proposals=proposals)
    log_prob, entropy, best_prob, allocation = _Decode.apply(
        encoding.agents,
        encoding.subtasks,
        embed_count.weight,
        embed_count.bias,
        update_subtask.weight,
        update_subtask.bias,
        encoding.pairs,
        grow,
    )
    return Proposals(allocation, log_prob, entropy, best_prob)
