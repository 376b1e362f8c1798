"""Experience of the allocation controller: one transition per decision (docs/reference/alma.md#decision-points)."""

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor

from ding_alma.model.allocation.decision_state import DecisionState
from ding_alma.rl.batch import EpisodeBatch


@dataclass(frozen=True)
class DecisionPoints(DecisionState):
    """N decisions of a batch, row-major, each with the segment of steps until the row's next decision or its end."""

    allocation: Tensor
    """(N, A) int64, decided then; -1 for none."""
    reward: Tensor
    """(N,) float32, sum over the segment divided by the configured period, however long the segment is
    (docs/reference/quirks.md#q13)."""
    terminated: Tensor
    """(N,) bool, the episode ended in the segment and not by time limit."""
    usable: Tensor
    """(N,) bool, the target is known: no time limit in the segment, and a next decision or a true end exists."""
    collected_at: Tensor
    """(N,) int64, environment-step counter when the episode's collection began."""
    exists: Tensor
    """(N,) bool, False for what `fixed` has added."""

    def fixed(self, count: int) -> "DecisionPoints":
        """The same decisions, and after them such that nobody takes and nothing is learnt from, ``count`` in all."""
        return replace(self, **{f.name: padded(getattr(self, f.name), count) for f in fields(self)})


def padded(part: Tensor, count: int, axis: int = 0) -> Tensor:
    """A tensor with ``count`` entries along an axis, the added ones False or, of numbers, -1."""
    shape = (*part.shape[:axis], count - part.shape[axis], *part.shape[axis + 1 :])
    return torch.cat([part, part.new_full(shape, 0 if part.dtype == torch.bool else -1)], axis)


def decision_points(batch: EpisodeBatch, period: int, limit: int) -> DecisionPoints:
    """Cut a batch into decision points, the first ``limit`` of them.

    Args:
        period: configured steps between decisions, which divides rewards.

    Raises:
        ValueError: a non-positive period or limit, or a batch in which nothing was ever decided.
    """
    if period <= 0 or limit <= 0:
        raise ValueError(f"period and limit must be positive, got {period} and {limit}")
    segments = (_compiled_segments if batch.decision.device.type == "cpu" else _regular_segments)(batch)
    row, step, kept = segments.row[:limit], segments.step[:limit], slice(0, limit)
    if not row.numel():
        raise ValueError("no step of the batch is a decision; was it collected without an allocator?")
    return DecisionPoints(
        entities=batch.entities[row, step],
        entity_mask=batch.entity_mask[row, step],
        entity_subtask=batch.entity_subtask[row, step],
        subtask_mask=batch.subtask_mask[row, step],
        last_allocation=segments.held[kept],
        allocation=batch.allocation[row, step],
        reward=segments.reward[kept] / period,
        terminated=segments.terminated[kept],
        usable=segments.usable[kept],
        collected_at=batch.collected_at[row],
        exists=torch.ones_like(segments.usable[kept]),
    )


class _Segments(NamedTuple):
    """What the fields of `DecisionPoints` are made of, for all N decisions of a batch."""

    row: Tensor
    """(N,) int64."""
    step: Tensor
    """(N,) int64."""
    reward: Tensor
    """(N,) float32, sum over the segment."""
    terminated: Tensor
    """(N,) bool."""
    usable: Tensor
    """(N,) bool."""
    held: Tensor
    """(N, A) int64, allocation until then."""


def _regular_segments(batch: EpisodeBatch) -> _Segments:
    """By regular tensor operations; what depends on the places of decisions alone is worked out on the host."""
    decision, ended, terminated = batch.host_steps().decision, batch.last_transition, batch.terminated
    row, step = decision.nonzero(as_tuple=True)
    count = row.numel()
    last_of_row = torch.ones(count, dtype=torch.bool)
    last_of_row[:-1] = row[1:] != row[:-1]
    previous = torch.zeros_like(step)
    previous[1:] = torch.where(last_of_row[:-1], 0, step[:-1])

    # Steps before a row's first decision belong to no segment: they go to an extra one at the end.
    segment = torch.where(decision.cumsum(1) > 0, decision.flatten().cumsum(0).view_as(decision) - 1, count).flatten()

    row, step, segment, last_of_row, previous = (
        known.to(ended.device, non_blocking=True) for known in (row, step, segment, last_of_row, previous)
    )

    def total(per_step: Tensor) -> Tensor:
        values = per_step.flatten().to(torch.float32)
        return values.new_zeros(count + 1).index_add_(0, segment, values)[:count]

    end_of_episode = total(terminated) > 0
    time_limit = total(ended & ~terminated) > 0
    usable = batch.valid[row, step] & ~time_limit & (~last_of_row | end_of_episode)

    # The held allocation lapses when an episode ended since the previous decision; a final step is not valid.
    endings = torch.nn.functional.pad(ended.cumsum(1), (1, 0))
    before = (step - 1).clamp_min(0)
    lapsed = (step == 0) | ~batch.valid[row, before] | (endings[row, step] > endings[row, previous])
    held = torch.where(lapsed.unsqueeze(1), -1, batch.allocation[row, before])
    return _Segments(row, step, total(batch.reward), end_of_episode, usable, held)


def _compiled_segments(batch: EpisodeBatch) -> _Segments:
    read = (batch.decision, batch.last_transition, batch.terminated, batch.valid, batch.reward, batch.allocation)
    decision, ended, ends, valid, earned, allocation = (part.contiguous().numpy() for part in read)
    count, agents = int(decision.sum()), allocation.shape[2]
    place, held = np.empty((2, count), np.int64), np.empty((count, agents), np.int64)
    reward, flags = np.empty(count, np.float32), np.empty((2, count), np.bool_)
    _cut(decision, ended, ends, valid, earned, allocation, place, reward, flags, held)
    row, step, terminated, usable = (torch.from_numpy(x) for x in (*place, *flags))
    return _Segments(row, step, torch.from_numpy(reward), terminated, usable, torch.from_numpy(held))


@numba.njit(cache=True, nogil=True)
def _cut(decision, ended, terminated, valid, reward, allocation, place, total, flags, held):
    """Fill what `_Segments` holds: place (2, N) row and step, total (N,), flags (2, N) terminated and usable, held."""
    steps = decision.shape[1]
    n = -1
    for row in range(decision.shape[0]):
        first, ended_since, time_limit = n + 1, False, False
        for step in range(steps):
            if decision[row, step]:
                if n >= first:
                    flags[1, n] = valid[row, place[1, n]] and not time_limit
                n += 1
                place[0, n], place[1, n] = row, step
                lapsed = ended_since or step == 0 or not valid[row, step - 1]
                for agent in range(allocation.shape[2]):
                    held[n, agent] = -1 if lapsed else allocation[row, step - 1, agent]
                total[n], flags[0, n], ended_since, time_limit = 0, False, False, False
            ended_since |= ended[row, step]
            if n >= first:
                total[n] += reward[row, step]
                flags[0, n] |= terminated[row, step]
                time_limit |= ended[row, step] and not terminated[row, step]
        if n >= first:
            flags[1, n] = valid[row, place[1, n]] and not time_limit and flags[0, n]
