"""Checks of what is handed to an environment: which of a batch are meant, joint actions, options of a reset."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np

from dizoo_ext.strict_config import check_choice


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


def checked_options(options: Mapping[str, Any], reset: Callable[..., Any]) -> dict[str, Any]:
    """A user's options of a reset, as the keywords that ``reset`` names; all of them where it takes any.

    Raises:
        ValueError: an option that there is not, or whose name is no string.
        TypeError: a value of another type than the annotation's.
    """
    if unnamed := [name for name in options if not isinstance(name, str)]:
        raise ValueError(f"options of a reset have strings for names, got {unnamed[0]!r}")
    known = {name: each for name, each in inspect.signature(reset).parameters.items() if name != "ids"}
    if any(each.kind is each.VAR_KEYWORD for each in known.values()):
        return dict(options)
    checked = {}
    for name, value in options.items():
        if not known:
            raise ValueError(f"a reset has no options here, got {name!r}")
        check_choice(name, known, "option of a reset")
        kinds = get_args(known[name].annotation)
        checked[name] = value.item() if isinstance(value, np.generic) else value
        # Not by isinstance, for which True is a number.
        if type(checked[name]) not in kinds:
            wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
            raise TypeError(f"option {name} of a reset must be {wanted}, got {value!r}")
    return checked
