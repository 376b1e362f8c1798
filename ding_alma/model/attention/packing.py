"""Which agents ask, which entities somebody looks at, and who looks at whom, as lists: a compiled loop over masks."""

from typing import NamedTuple

import numba
import numpy as np

GRAIN = 64
"""Row counts are rounded up to a multiple of this, or to an eighth of the power of two below them if that is more:
oneDNN prepares a product anew for every shape it has not met, which costs more than the product itself, and the number
of rows differs from batch to batch."""


CHUNK = 384
"""Rows of a chunk: with their queries, keys and values they fill a core's own cache."""


class Packed(NamedTuple):
    """Lists for masks of V views, N steps, A agents and E entities.

    Rows are the agents that ask and the other entities that somebody looks at. They come in chunks of whole steps, see
    `Neighbours` in ragged_attention.py, and are filled up to whole grains with copies of the first entity.
    """

    queries: int
    """Q, agents that ask, with the filling."""
    query: np.ndarray
    """(asking,) int64, of N A, without the filling."""
    rows: np.ndarray
    """(R,) int64, of N E, with the filling."""
    own: np.ndarray
    """(Q,) int64, the row of each query, 0 in the filling."""
    chunk: np.ndarray
    """(C + 1, 2) int64, first row and first query of every chunk."""
    start: np.ndarray
    """(V Q + 1,) int64, where each asking row's neighbours begin, views outermost; the filling has none."""
    neighbour: np.ndarray
    """(P,) int64, row numbers."""


def pack(allowed: np.ndarray, query_mask: np.ndarray) -> Packed:
    """Args: allowed (V, N, A, E) bool, the agent may look at the entity; query_mask (N, A) bool, the agent asks."""
    return Packed(*_pack(allowed, query_mask, GRAIN, CHUNK))


@numba.njit(cache=True, nogil=True)
def whole_grains(count, grain):
    """``count`` rounded up, by an eighth at most but for small ones."""
    while 16 * grain <= count:
        grain *= 2
    return (count + grain - 1) // grain * grain


@numba.njit(cache=True, nogil=True)
def _is_looked_at(allowed, query_mask, step, entity):
    for view in range(allowed.shape[0]):
        for agent in range(query_mask.shape[1]):
            if query_mask[step, agent] and allowed[view, step, agent, entity]:
                return True
    return False


@numba.njit(cache=True, nogil=True)
def _pack(allowed, query_mask, grain, most):
    views, steps, agents, entities = allowed.shape
    position = np.full(steps * entities, -1, np.int64)
    query = np.empty(steps * agents, np.int64)
    rows = np.zeros(whole_grains(steps * entities, grain), np.int64)
    chunk = np.empty((steps * entities // most + 2, 2), np.int64)
    chunk[0] = 0
    chunks = used = asking = begin = 0
    while begin < steps:
        # As many whole steps as fit; at least one.
        end, wanted = begin, 0
        while end < steps:
            more = 0
            for entity in range(entities):
                asks = entity < agents and query_mask[end, entity]
                if asks or _is_looked_at(allowed, query_mask, end, entity):
                    more += 1
            if end > begin and wanted + more > most:
                break
            wanted += more
            end += 1
        for step in range(begin, end):
            for agent in range(agents):
                if query_mask[step, agent]:
                    query[asking] = step * agents + agent
                    position[step * entities + agent] = used
                    rows[used] = step * entities + agent
                    asking += 1
                    used += 1
        for step in range(begin, end):
            for entity in range(entities):
                place = step * entities + entity
                if position[place] < 0 and _is_looked_at(allowed, query_mask, step, entity):
                    position[place] = used
                    rows[used] = place
                    used += 1
        chunks += 1
        chunk[chunks, 0], chunk[chunks, 1] = used, asking
        begin = end

    queries = whole_grains(asking, grain)
    own = np.zeros(queries, np.int64)
    for index in range(asking):
        own[index] = position[query[index] // agents * entities + query[index] % agents]
    start = np.empty(views * queries + 1, np.int64)
    neighbour = np.empty(allowed.size, np.int64)
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
    whole = whole_grains(used, grain)
    return queries, query[:asking], rows[:whole], own, chunk[: chunks + 1], start, neighbour[:pair]
