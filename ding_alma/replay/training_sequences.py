"""Which stored steps make up a training batch (docs/reference/alma.md#replay-and-windows)."""

from typing import NamedTuple

import numpy as np


class SequenceSteps(NamedTuple):
    """B training sequences of T steps, as places in the sampled episodes."""

    episode: np.ndarray
    """(B, T) int64, index into the sampled episodes."""
    step: np.ndarray
    """(B, T) int64, stored step of that episode; repeats the final step in padding."""
    filled: np.ndarray
    """(B, T) bool, False in padding."""


def draw_sequences(stored_steps: np.ndarray, length: int, uniforms: np.ndarray) -> SequenceSteps:
    """Cut sampled episodes into one row each.

    If every episode has at most ``length`` stored steps, row ``i`` is episode ``i``, padded to the longest. Otherwise
    the episodes are laid end to end, the possible starts are cut into B equal bins and each row is the ``length`` steps
    from a start drawn uniformly in its bin; rows may straddle episodes.

    Args:
        stored_steps: (B,) stored steps of each episode, final observation included.
        length: steps in a sequence.
        uniforms: (B,) numbers in [0, 1), one per bin.
    """
    rows = len(stored_steps)
    longest = int(stored_steps.max())
    if longest <= length:
        step = np.arange(longest)
        filled = step < stored_steps[:, None]
        episode = np.broadcast_to(np.arange(rows)[:, None], filled.shape)
        return SequenceSteps(episode, np.minimum(step, stored_steps[:, None] - 1), filled)
    edges = bin_edges(int(stored_steps.sum()), length, rows)
    starts = edges[:-1] + (uniforms * np.maximum(edges[1:] - edges[:-1], 1)).astype(np.int64)
    return cut_sequences(stored_steps, length, starts)


def bin_edges(total: int, length: int, rows: int) -> np.ndarray:
    """(rows + 1,) int64 edges of equal bins over the ``total - length + 1`` possible starts."""
    return np.rint(np.linspace(0, total - length + 1, rows + 1)).astype(np.int64)


def cut_sequences(stored_steps: np.ndarray, length: int, starts: np.ndarray) -> SequenceSteps:
    """Rows of ``length`` steps beginning at ``starts`` (B,) of the episodes laid end to end."""
    ends = np.cumsum(stored_steps)
    place = starts[:, None] + np.arange(length)
    episode = np.searchsorted(ends, place, side="right")
    step = place - (ends - stored_steps)[episode]
    return SequenceSteps(episode, step, np.ones(place.shape, bool))
