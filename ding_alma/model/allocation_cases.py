"""The distinct situations of entities that many allocations of the same decisions have in common."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from ding_alma.model.decision_state import DecisionState
from ding_alma.model.distinct import distinct, distinct_allocations


class AllocationCases(NamedTuple):
    """Distinct allocations, D of N x P, and the C cases of entities that occur in them.

    To the critic an entity depends on the allocation only through its case: the subtask it is on and the number of
    agents allocated there.
    """

    place: Tensor
    """(N, P) int64, the distinct allocation of each proposal."""
    case: Tensor
    """(D, E) int64, the case of each entity; those of agents come first."""
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
        """Args: allocation (N, P, A) int64, -1 for none."""
        points, agents, entities = state.points, state.agents, state.entities.shape[1]
        slots, sizes = state.subtasks + 1, agents + 1
        point, slot, place = distinct_allocations(allocation, state.subtasks)
        team = torch.zeros(point.numel(), slots, dtype=torch.int64, device=slot.device)
        team.scatter_add_(1, slot, torch.ones_like(slot))
        team[:, -1] = 0

        slot = torch.cat([slot, state.other_subtask.remainder(slots)[point]], 1)
        # Entities are the slowest index, which puts the agents' cases first.
        code = torch.arange(entities, device=slot.device) * points + point.unsqueeze(1)
        code = (code * slots + slot) * sizes + team.gather(1, slot)
        values, case = distinct(code, entities * points * slots * sizes)
        agent_cases = int((values < agents * points * slots * sizes).sum())
        code, team_size = values // sizes, values % sizes
        row, slot = code // slots, code % slots
        entity, point_of_case = row // points, row % points
        return cls(
            place=place,
            case=case,
            exists=state.entity_mask[point],
            agent_cases=agent_cases,
            entity=point_of_case * entities + entity,
            slot=point_of_case * slots + slot,
            team=team_size,
        )
