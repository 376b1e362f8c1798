"""Which stored steps make up a training batch (docs/reference/alma.md#replay-and-windows)."""

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """B rows of T steps, as places in the sampled episodes."""

    episode: np.ndarray
    """(B, T) int64, index into the sampled episodes."""
    step: np.ndarray
    """(B, T) int64, stored step of that episode; repeats the closing step in padding."""
    filled: np.ndarray
    """(B, T) bool, False in padding."""


def draw_rows(stored_steps: np.ndarray, window: int, uniforms: np.ndarray) -> Rows:
    """Cut sampled episodes into one row each.

    If every episode has at most ``window`` stored steps, row ``i`` is episode ``i``, padded to the longest. Otherwise
    the episodes are laid end to end, the possible starts are cut into B equal bins and each row is the ``window`` steps
    from a start drawn uniformly in its bin; rows may straddle episodes.

    Args:
        stored_steps: (B,) stored steps of each episode, closing observation included.
        window: steps in a row.
        uniforms: (B,) numbers in [0, 1), one per bin.
    """
    rows = len(stored_steps)
    longest = int(stored_steps.max())
    if longest <= window:
        step = np.arange(longest)
        filled = step < stored_steps[:, None]
        episode = np.broadcast_to(np.arange(rows)[:, None], filled.shape)
        return Rows(episode, np.minimum(step, stored_steps[:, None] - 1), filled)
    edges = bin_edges(int(stored_steps.sum()), window, rows)
    starts = edges[:-1] + (uniforms * np.maximum(edges[1:] - edges[:-1], 1)).astype(np.int64)
    return window_rows(stored_steps, window, starts)


def bin_edges(total: int, window: int, rows: int) -> np.ndarray:
    """(rows + 1,) int64 edges of equal bins over the ``total - window + 1`` possible window starts."""
    return np.rint(np.linspace(0, total - window + 1, rows + 1)).astype(np.int64)


def window_rows(stored_steps: np.ndarray, window: int, starts: np.ndarray) -> Rows:
    """Rows of ``window`` steps beginning at ``starts`` (B,) of the episodes laid end to end."""
    ends = np.cumsum(stored_steps)
    place = starts[:, None] + np.arange(window)
    episode = np.searchsorted(ends, place, side="right")
    step = place - (ends - stored_steps)[episode]
    return Rows(episode, step, np.ones(place.shape, bool))
