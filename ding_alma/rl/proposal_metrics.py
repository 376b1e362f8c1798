"""What sampled allocations look like (docs/reference/alma.md#logged-values)."""

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.allocation.allocator import RatedProposals
from ding_alma.model.allocation.decision_state import DecisionState
from ding_alma.model.one_hot import one_hot
from ding_alma.model.processes import average


@torch.no_grad()
def proposal_metrics(state: DecisionState, rated: RatedProposals, points: Tensor) -> dict[str, Tensor]:
    """Detached scalars by the names that the reference logs.

    Args: points, a scalar, how many of the decisions exist; in others there is neither agent nor subtask.
    """
    changed, had_one, concentration, deserted = (_compiled_sums if state.compiled else _regular_sums)(state, rated)
    all_proposals = points * rated.value.shape[1]
    return {
        "best_prob": rated.proposals.best_prob.sum() / all_proposals,
        "perc_ag_changed": changed / average(had_one).clamp_min(1e-9),
        "ag_task_concentration": concentration / points,
        "any_task_no_agents_pi": deserted / all_proposals,
    }


def _regular_sums(state: DecisionState, rated: RatedProposals) -> tuple[Tensor, ...]:
    """Sums over the decisions: share of agents moved, decisions that moved from something, heads that do not match
    heads per unfinished subtask, and proposals that leave one without agents."""
    best, active, unfinished = rated.best_allocation, state.active, state.subtask_mask
    changed = ((best != state.last_allocation) & active).sum(1) / active.sum(1).clamp_min(1)
    had_one = (state.last_allocation >= 0).any(1).to(changed.dtype)
    team, others = one_hot(best, state.subtasks).sum(1), one_hot(state.other_subtask, state.subtasks).sum(1)
    concentration = (team - others).abs().sum(1) / unfinished.sum(1).clamp_min(1)
    teams = one_hot(rated.proposals.allocation, state.subtasks).sum(2)
    deserted = ((teams == 0) & unfinished.unsqueeze(1)).any(2)
    return (changed * had_one).sum(), had_one.sum(), concentration.sum(), deserted.sum()


def _compiled_sums(state: DecisionState, rated: RatedProposals) -> tuple[Tensor, ...]:
    arrays = (
        rated.proposals.allocation,
        rated.best,
        state.last_allocation,
        state.entity_mask,
        state.entity_subtask,
        state.subtask_mask,
    )
    return torch.tensor(_sums(*(array.contiguous().numpy() for array in arrays))).unbind()


@numba.njit(cache=True, nogil=True)
def _sums(allocation, best, last, exists, subtask, unfinished):
    points, proposals, agents = allocation.shape
    subtasks = unfinished.shape[1]
    changed = had_one = concentration = deserted = 0.0
    team, surplus = np.empty(subtasks + 1, np.int64), np.empty(subtasks + 1, np.int64)
    for n in range(points):
        active = moved = held = mismatch = 0
        surplus[:] = 0
        for agent in range(agents):
            here = allocation[n, best[n], agent]
            active += exists[n, agent]
            moved += exists[n, agent] and here != last[n, agent]
            held += last[n, agent] >= 0
            surplus[here] += 1
        for other in range(agents, subtask.shape[1]):
            surplus[subtask[n, other]] -= 1
        if held:
            had_one += 1
            changed += moved / max(active, 1)
        for k in range(subtasks):
            mismatch += abs(surplus[k])
        concentration += mismatch / max(unfinished[n].sum(), 1)
        for p in range(proposals):
            # None, -1, is counted in the last entry.
            team[:] = 0
            for agent in range(agents):
                team[allocation[n, p, agent]] += 1
            for k in range(subtasks):
                if unfinished[n, k] and not team[k]:
                    deserted += 1
                    break
    return changed, had_one, concentration, deserted
