"""Checks of what is handed to a `VectorEnv`: which environments are meant, and their joint actions."""

import numpy as np


def checked_rows(ids: np.ndarray | None, all_rows: np.ndarray) -> np.ndarray:
    """The environments ``ids`` as (n,) int64; None means ``all_rows`` = 0 ... B - 1.

    Raises:
        ValueError: an id is out of range or given twice.
    """
    if ids is None:
        return all_rows
    rows = np.asarray(ids, np.int64)
    listed = rows.tolist()
    if rows.ndim != 1 or len(set(listed)) != len(listed):
        raise ValueError(f"ids must be a list of different environments, got {ids!r}")
    if listed and not (min(listed) >= 0 and max(listed) < len(all_rows)):
        raise ValueError(f"ids must lie in [0, {len(all_rows)}), got {ids!r}")
    return rows


def checked_actions(actions: np.ndarray, n: int, agents: int) -> np.ndarray:
    """Joint actions as contiguous (n, A) int64.

    Raises:
        ValueError: another shape, or no integers.
    """
    actions = np.asarray(actions)
    if actions.shape != (n, agents):
        raise ValueError(
            f"actions must have shape ({n}, {agents}), one per environment and agent, got shape {actions.shape}"
        )
    if actions.dtype.kind not in "iu":
        raise ValueError(f"actions must be integers, got an array of {actions.dtype}")
    return np.ascontiguousarray(actions, np.int64)
