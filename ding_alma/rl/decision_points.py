"""Experience of the allocation controller: one transition per decision instead of per step (spec 2.4)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ding_alma.model.decision_state import DecisionState
from ding_alma.rl.batch import EpisodeBatch


@dataclass(frozen=True)
class DecisionPoints(DecisionState):
    """N decisions of a batch, row-major, each with the segment of steps until the row's next decision or its end."""

    allocation: Tensor
    """(N, A) int64, decided then; -1 for none."""
    reward: Tensor
    """(N,) float32, sum over the segment divided by the configured period, however long the segment is (Q13)."""
    terminated: Tensor
    """(N,) bool, the episode ended in the segment and not by time limit."""
    usable: Tensor
    """(N,) bool, the target is known: no time limit in the segment, and a next decision or a true end exists."""
    collected_at: Tensor
    """(N,) int64, environment-step counter when the episode's collection began."""


def decision_points(batch: EpisodeBatch, period: int, limit: int) -> DecisionPoints:
    """Cut a batch into decision points, the first ``limit`` of them.

    Args:
        period: configured steps between decisions, which divides rewards.

    Raises:
        ValueError: a non-positive period or limit, or a batch in which nothing was ever decided.
    """
    if period <= 0 or limit <= 0:
        raise ValueError(f"period and limit must be positive, got {period} and {limit}")
    decision, ended, terminated = batch.decision, batch.last_transition, batch.terminated
    row, step = decision.nonzero(as_tuple=True)
    if not row.numel():
        raise ValueError("no step of the batch is a decision; was it collected without an allocator?")
    count = row.numel()

    # Steps before a row's first decision belong to no segment: they go to an extra one at the end.
    segment = torch.where(decision.cumsum(1) > 0, decision.flatten().cumsum(0).view_as(decision) - 1, count).flatten()

    def total(per_step: Tensor) -> Tensor:
        values = per_step.flatten().to(torch.float32)
        return values.new_zeros(count + 1).index_add_(0, segment, values)[:count]

    end_of_episode = total(terminated) > 0
    time_limit = total(ended & ~terminated) > 0
    last_of_row = torch.ones(count, dtype=torch.bool, device=row.device)
    last_of_row[:-1] = row[1:] != row[:-1]
    usable = batch.valid[row, step] & ~time_limit & (~last_of_row | end_of_episode)

    # The held allocation lapses when an episode ended since the previous decision; a closing step is not valid.
    endings = torch.nn.functional.pad(ended.cumsum(1), (1, 0))
    before = (step - 1).clamp_min(0)
    previous = torch.zeros_like(step)
    previous[1:] = torch.where(last_of_row[:-1], 0, step[:-1])
    lapsed = (step == 0) | ~batch.valid[row, before] | (endings[row, step] > endings[row, previous])
    held = torch.where(lapsed.unsqueeze(1), -1, batch.allocation[row, before])

    row, step, kept = row[:limit], step[:limit], slice(0, limit)
    return DecisionPoints(
        entities=batch.entities[row, step],
        entity_mask=batch.entity_mask[row, step],
        entity_subtask=batch.entity_subtask[row, step],
        subtask_mask=batch.subtask_mask[row, step],
        last_allocation=held[kept],
        allocation=batch.allocation[row, step],
        reward=total(batch.reward)[kept] / period,
        terminated=end_of_episode[kept],
        usable=usable[kept],
        collected_at=batch.collected_at[row],
    )
