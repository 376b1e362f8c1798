"""The distinct situations of entities that many allocations of the same decisions have in common."""

from typing import NamedTuple, Self

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.allocation.decision_state import DecisionState


class AllocationCases(NamedTuple):
    """Distinct allocations, D of N x P, and the C cases of entities that occur in them.

    To the critic an entity depends on the allocation only through its case: the subtask it is on and the number of
    agents allocated there.
    """

    place: Tensor
    """(N, P) int64, the distinct allocation of each proposal."""
    case: Tensor
    """(D, E) int64, the case of each entity that exists; those of agents come first."""
    exists: Tensor
    """(D, E) bool, the entities that exist."""
    agent_cases: int
    """Number of cases that are agents'."""
    entity: Tensor
    """(C,) int64, row of the entity in (N, E) flattened."""
    slot: Tensor
    """(C,) int64, row of its subtask in (N, K + 1) flattened, where K stands for none."""
    team: Tensor
    """(C,) int64, number of agents allocated to that subtask, 0 for none."""

    @classmethod
    def of(cls, state: DecisionState, allocation: Tensor) -> Self:
        """Args: allocation (N, P, A) int64, -1 for none; on the CPU."""
        points, proposals, agents = allocation.shape
        exists, slots = state.entity_mask.contiguous().numpy(), state.subtasks + 1
        entities, most = exists.shape[1], points * proposals
        place, point = np.empty((points, proposals), np.int64), np.empty(most, np.int64)
        case = np.empty((most, entities), np.int64)
        of_agents, of_others = (np.empty((most * number, 3), np.int64) for number in (agents, entities - agents))
        count, agent_cases, other_cases = _find_cases(
            *(allocation.contiguous().numpy(), exists, state.entity_subtask.contiguous().numpy(), slots),
            *(place, point, case, of_agents, of_others),
        )
        found = torch.from_numpy(np.concatenate([of_agents[:agent_cases], of_others[:other_cases]]).T.copy())
        return cls(
            place=torch.from_numpy(place),
            case=torch.from_numpy(case[:count]),
            exists=state.entity_mask[torch.from_numpy(point[:count])],
            agent_cases=agent_cases,
            entity=found[0],
            slot=found[1],
            team=found[2],
        )


@numba.njit(cache=True, nogil=True)
def _find_cases(allocation, exists, subtask, slots, place, point, case, of_agents, of_others):
    """Number of distinct allocations, of agents' cases and of others'.

    Args:
        allocation: (N, P, A); exists and subtask (N, E); slots = K + 1.
        place: (N, P), filled; point (D,) the decision of each distinct allocation; case (D, E).
        of_agents, of_others: (C, 3), filled with entity, slot and team of each case, as in `AllocationCases`.
    """
    points, proposals, agents = allocation.shape
    entities = exists.shape[1]
    count = agent_cases = other_cases = 0
    known = np.empty((entities, slots, agents + 1), np.int64)
    team, digest, first = np.empty(slots, np.int64), np.empty(proposals, np.int64), np.empty(proposals, np.int64)
    for n in range(points):
        known[:] = -1
        distinct = 0
        for p in range(proposals):
            code = 0
            for a in range(agents):
                code = code * 31 + allocation[n, p, a]
            same = -1
            for other in range(distinct):
                if digest[other] == code and (allocation[n, first[other]] == allocation[n, p]).all():
                    same = other
                    break
            if same >= 0:
                place[n, p] = count - distinct + same
                continue
            digest[distinct], first[distinct] = code, p
            distinct += 1
            place[n, p] = count
            point[count] = n
            team[:] = 0
            for a in range(agents):
                if allocation[n, p, a] >= 0:
                    team[allocation[n, p, a]] += 1
            for entity in range(entities):
                if not exists[n, entity]:
                    case[count, entity] = 0
                    continue
                on = allocation[n, p, entity] if entity < agents else subtask[n, entity]
                slot, size = (on, team[on]) if on >= 0 else (slots - 1, 0)
                here = known[entity, slot, size]
                if here < 0:
                    found = of_agents if entity < agents else of_others
                    here = agent_cases if entity < agents else other_cases
                    known[entity, slot, size] = here
                    found[here, 0] = n * entities + entity
                    found[here, 1] = n * slots + slot
                    found[here, 2] = size
                    if entity < agents:
                        agent_cases += 1
                    else:
                        other_cases += 1
                case[count, entity] = here
            count += 1
    case[:count, agents:] += agent_cases
    return count, agent_cases, other_cases
