"""Many small tensors between host and device in one copy: each copy has a latency, and one to the host waits."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

import torch
from torch import Tensor

Key = TypeVar("Key", bound=Hashable)


def to_device(tensors: Mapping[Key, Tensor], device: torch.device | str) -> dict[Key, Tensor]:
    """The tensors of the host, of any types and shapes, on a device; those given where that is the host itself.

    Nothing waits. On a device the results share one piece of memory.
    """
    if torch.device(device).type == "cpu":
        return dict(tensors)
    return _taken_apart(_packed(tensors).to(device, non_blocking=True), tensors)


def to_host(tensors: Mapping[Key, Tensor]) -> dict[Key, Tensor]:
    """The tensors of one device, of any types and shapes, on the host; waits for the device once."""
    if all(value.device.type == "cpu" for value in tensors.values()):
        return dict(tensors)
    return _taken_apart(_packed(tensors).cpu(), tensors)


def _by_size(tensors: Mapping[Key, Tensor]) -> list[tuple[Key, Tensor]]:
    """Those of the largest elements first, so that each begins at a multiple of its elements' size."""
    return sorted(tensors.items(), key=lambda item: -item[1].element_size())


def _packed(tensors: Mapping[Key, Tensor]) -> Tensor:
    """All bytes, (N,) uint8."""
    return torch.cat([value.reshape(-1).view(torch.uint8) for _, value in _by_size(tensors)])


def _taken_apart(packed: Tensor, like: Mapping[Key, Tensor]) -> dict[Key, Tensor]:
    """Views of what `_packed` made of tensors ``like`` these, in their order."""
    taken, begin = {}, 0
    for key, value in _by_size(like):
        end = begin + value.numel() * value.element_size()
        taken[key] = packed[begin:end].view(value.dtype).view(value.shape)
        begin = end
    return {key: taken[key] for key in like}
