"""Which agents ask, which entities somebody looks at, and who looks at whom, as lists: a compiled loop over masks."""

from typing import NamedTuple

import numba
import numpy as np

GRAIN = 64
"""Row counts are rounded up to a multiple of this, or to an eighth of the power of two below them if that is more:
oneDNN prepares a product anew for every shape it has not met, which costs more than the product itself, and the number
of rows differs from batch to batch."""


class Packed(NamedTuple):
    """Lists for masks of V views, N steps, A agents and E entities. Rows number the agents that ask first, then the
    other entities that somebody looks at, each part filled up to whole grains with copies of the first entity."""

    queries: int
    """Q, agents that ask, with the filling."""
    query: np.ndarray
    """(asking,) int64, of N A, without the filling."""
    rows: np.ndarray
    """(R,) int64, of N E, with the filling."""
    start: np.ndarray
    """(V Q + 1,) int64, where each asking row's neighbours begin, views outermost; the filling has none."""
    neighbour: np.ndarray
    """(P,) int64, row numbers."""


def pack(allowed: np.ndarray, query_mask: np.ndarray) -> Packed:
    """Args: allowed (V, N, A, E) bool, the agent may look at the entity; query_mask (N, A) bool, the agent asks."""
    return Packed(*_pack(allowed, query_mask, GRAIN))


@numba.njit(cache=True, nogil=True)
def whole_grains(count, grain):
    """``count`` rounded up, by an eighth at most but for small ones."""
    while 16 * grain <= count:
        grain *= 2
    return (count + grain - 1) // grain * grain


@numba.njit(cache=True, nogil=True)
def _pack(allowed, query_mask, grain):
    views, steps, agents, entities = allowed.shape
    position = np.full(steps * entities, -1, np.int64)
    query = np.empty(steps * agents, np.int64)
    asking = 0
    for step in range(steps):
        for agent in range(agents):
            if query_mask[step, agent]:
                query[asking] = step * agents + agent
                position[step * entities + agent] = asking
                asking += 1
    queries = whole_grains(asking, grain)

    rows = np.zeros(queries + whole_grains(steps * entities, grain), np.int64)
    pairs, others = 0, 0
    for step in range(steps):
        for entity in range(entities):
            looked_at = 0
            for view in range(views):
                for agent in range(agents):
                    if query_mask[step, agent] and allowed[view, step, agent, entity]:
                        looked_at += 1
            place = step * entities + entity
            if looked_at and position[place] < 0:
                position[place] = queries + others
                rows[queries + others] = place
                others += 1
            pairs += looked_at
    for index in range(asking):
        rows[index] = query[index] // agents * entities + query[index] % agents

    start = np.empty(views * queries + 1, np.int64)
    neighbour = np.empty(pairs, np.int64)
    pair = 0
    for view in range(views):
        for index in range(queries):
            start[view * queries + index] = pair
            if index < asking:
                step, agent = query[index] // agents, query[index] % agents
                for entity in range(entities):
                    if allowed[view, step, agent, entity]:
                        neighbour[pair] = position[step * entities + entity]
                        pair += 1
    start[views * queries] = pair
    total = queries + whole_grains(others, grain)
    return queries, query[:asking], rows[:total], start, neighbour
