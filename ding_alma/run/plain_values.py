"""Values as JSON and checkpoints can hold them."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain_values(value: Any, path: str = "config") -> Any:
    """Copy nested mappings and sequences into dicts, lists, strings, numbers, booleans and None.

    Tuples become lists, numpy scalars Python numbers.

    Raises:
        TypeError: a value of another kind, with its place.
    """
    if isinstance(value, Mapping):
        return {str(key): plain_values(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{path} must be a plain value (number, string, boolean, list, dict), got {value!r}")


def finite_or_none(value: float) -> float | None:
    """A Python float, or None for NaN and infinities, which JSON cannot hold."""
    number = float(value)
    return number if math.isfinite(number) else None
