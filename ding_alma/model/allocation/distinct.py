"""Distinct values of small integers without sorting."""

import torch
from torch import Tensor


def distinct(index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The values that occur in ``index``, and where each element's value stands among them.

    Args:
        index: (...) int64 in [0, size).
        size: time and memory grow with it, unlike with `torch.unique`, which sorts.

    Returns:
        values (D,) ascending, and place (...) with ``values[place] == index``.
    """
    occurs = torch.zeros(size, dtype=torch.bool, device=index.device)
    occurs[index] = True
    values = occurs.nonzero().squeeze(1)
    place = torch.empty(size, dtype=torch.int64, device=index.device)
    place[values] = torch.arange(values.numel(), device=index.device)
    return values, place[index]


def distinct_allocations(allocation: Tensor, subtasks: int) -> tuple[Tensor, Tensor, Tensor]:
    """Proposals without repetitions.

    Args:
        allocation: (N, P, A) int64 in [-1, subtasks).

    Returns:
        point (D,) the decision of each distinct allocation, slot (D, A) its entries with ``subtasks`` in place of -1,
        and place (N, P) where each proposal's allocation stands among them.
    """
    points, proposals, agents = allocation.shape
    width = subtasks + 1
    point = torch.arange(points, device=allocation.device)
    place = point.unsqueeze(1).expand(points, proposals)
    columns: list[Tensor] = []
    for agent in range(agents):
        values, place = distinct(place * width + allocation[..., agent].remainder(width), point.numel() * width)
        parent = values // width
        point = point[parent]
        columns = [column[parent] for column in columns] + [values % width]
    return point, torch.stack(columns, 1), place
