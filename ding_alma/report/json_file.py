"""JSON files that are never half written."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ding_alma.replay.checkpoint import UNFINISHED


def write_json_atomically(data: Any, path: str | Path) -> None:
    """Write ``data`` to a temporary file beside ``path``, then rename: readers see the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(data, file, indent=1)
            file.write("\n")
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
