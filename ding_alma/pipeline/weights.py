"""Weights on their way between processes."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def host_copy(state: Any) -> Any:
    """A copy of a state dict, nested or not, whose tensors are on the CPU and no longer change."""
    if isinstance(state, Mapping):
        return {key: host_copy(value) for key, value in state.items()}
    return state.detach().to("cpu", copy=True) if isinstance(state, Tensor) else state
