"""Preallocated arrays environment x step into which running episodes are written."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor


class StepArrays:
    """One growing episode per environment; all environments' steps of a key lie in one tensor.

    A key's array is made when it is first written, and keeps the type of that; what is never written stays zero.
    Both axes grow when exceeded.

    Args:
        environments, steps: initial capacity.
    """

    def __init__(self, environments: int, steps: int) -> None:
        self.length = np.zeros(environments, np.int64)
        self._steps = steps
        self._arrays: dict[str, Tensor] = {}

    def write(self, ids: np.ndarray, values: Mapping[str, Tensor]) -> None:
        """Write rows (n, ...) per key to the present step of the environments ``ids`` (n,)."""
        if ids.max() >= len(self.length):
            self._grow(int(ids.max()) + 1, self._steps)
        if self.length[ids].max() >= self._steps:
            self._grow(len(self.length), 2 * self._steps)
        at = (torch.from_numpy(ids), torch.from_numpy(self.length[ids]))
        for key, value in values.items():
            array = self._array(key, value.shape[1:], value.dtype)
            array[at] = value.to(array.dtype)

    def write_one(self, env: int, values: Mapping[str, Tensor]) -> None:
        """As `write`, (...) per key, for one environment whose present step `write` has met."""
        step = int(self.length[env])
        for key, value in values.items():
            self._array(key, value.shape, value.dtype)[env, step] = value

    def _array(self, key: str, shape: torch.Size, dtype: torch.dtype) -> Tensor:
        if key not in self._arrays:
            self._arrays[key] = torch.zeros((len(self.length), self._steps, *shape), dtype=dtype)
        return self._arrays[key]

    def advance(self, env: int) -> None:
        """Close the present step of one environment."""
        self.length[env] += 1

    def take(self, env: int, steps: int) -> dict[str, Tensor]:
        """Copies of the first ``steps`` steps of every key; the environment starts anew."""
        taken = {key: array[env, :steps].clone() for key, array in self._arrays.items()}
        self.length[env] = 0
        return taken

    def reset(self, ids: np.ndarray | None = None) -> None:
        """Forget the unfinished episodes of ``ids`` (default: all)."""
        self.length[slice(None) if ids is None else ids[ids < len(self.length)]] = 0

    def _grow(self, environments: int, steps: int) -> None:
        old_environments, old_steps = len(self.length), self._steps
        self._steps = steps
        self.length = np.pad(self.length, (0, environments - old_environments))
        for key, array in self._arrays.items():
            grown = torch.zeros((environments, steps, *array.shape[2:]), dtype=array.dtype)
            grown[:old_environments, :old_steps] = array
            self._arrays[key] = grown
