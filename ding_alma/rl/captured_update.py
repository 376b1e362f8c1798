"""An update that is recorded once as a CUDA graph and then replayed with other data.

A graph repeats the same kernels on the same memory. So whatever differs between updates must come in through the
inputs, which are copied into memory of their own: data, random numbers, the step counter. What an update reads and
writes beside them (weights, statistics, an optimiser's state) must stay where it is.
"""

import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

WARM_UP = 3
"""Updates that are run before one is recorded: libraries set themselves up and optimisers make their states. They are
updates like any other."""


class CapturedUpdate:
    """A function of tensors and of dataclasses and dictionaries of tensors, which keep their shapes, recorded and
    replayed.

    Warming up and recording share one stream, apart from the current one, as torch asks for: gradients are accumulated
    on the stream on which a parameter was first used, and libraries keep their handles by stream.
    """

    def __init__(
        self,
        update: Callable[..., dict[str, Tensor]],
        device: torch.device | str,
        others: Mapping[Any, "CapturedUpdate"] | None = None,
    ) -> None:
        """Remember what to capture.

        Args:
            update: returns detached scalars by name and neither waits for the device nor copies to it.
            others: captured updates whose stream and whose graphs' memory this one shares: none of them may need
                afterwards what another's graph has left there.
        """
        self._update = update
        self._device = device
        self._others = {} if others is None else others
        self.forget()

    def forget(self) -> None:
        """Warm up and record anew, because something that the update works on was replaced."""
        self._inputs: tuple[Any, ...] = ()
        self._warmed_up = 0
        self._stream: torch.cuda.Stream | None = None
        self._graph: torch.cuda.CUDAGraph | None = None
        self._result: dict[str, Tensor] = {}

    def __call__(self, *inputs: Any) -> dict[str, Tensor]:
        """Update once; the scalars returned are overwritten by the next call.

        Args: inputs, tensors, and dataclasses and dictionaries of tensors, on any device.

        Raises:
            ValueError: their shapes or types are not those of the first call.
        """
        if not self._inputs:
            self._inputs = tuple(_room_for(one, self._device) for one in inputs)
        for room, new in zip(self._inputs, inputs, strict=True):
            _fill(room, new, type(new).__name__)
        if self._graph is None:
            if self._warmed_up < WARM_UP:
                self._warmed_up += 1
                return self._run_apart()
            self._record()
        assert self._graph is not None
        self._graph.replay()
        return self._result

    def _run(self) -> dict[str, Tensor]:
        # Copies, because an input may keep what it has worked out of its tensors.
        return self._update(*(replace(one) if is_dataclass(one) else one for one in self._inputs))  # type: ignore[type-var]

    def _run_apart(self) -> dict[str, Tensor]:
        """Update on the stream of its own, between what the current stream has done and what it will do."""
        current = torch.cuda.current_stream()
        if self._stream is None:
            shared = (other._stream for other in self._others.values())
            self._stream = next((stream for stream in shared if stream is not None), None) or torch.cuda.Stream()
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This instance was constructed with capturable=True")
            result = self._run()
        current.wait_stream(self._stream)
        return result

    def _record(self) -> None:
        graph = torch.cuda.CUDAGraph()
        shared = (other._graph.pool() for other in self._others.values() if other._graph is not None)
        with torch.cuda.graph(graph, pool=next(shared, None), stream=self._stream):
            self._result = self._run()
        self._graph = graph


class CapturedSizes:
    """Captured updates of inputs that come in several sizes, a graph for each, one at a time in the same memory.

    What an update returns must be read before the next one.
    """

    def __init__(self, update: Callable[..., dict[str, Tensor]], device: torch.device | str) -> None:
        """Args: see `CapturedUpdate`."""
        self._update = update
        self._device = device
        self._of_size: dict[int, CapturedUpdate] = {}

    def keep(self, sizes: Collection[int]) -> None:
        """Forget the graphs of all other sizes."""
        for size in self._of_size.keys() - set(sizes):
            del self._of_size[size]

    def __call__(self, size: int, *inputs: Any) -> dict[str, Tensor]:
        """Update once with inputs of a size; see `CapturedUpdate`."""
        if size not in self._of_size:
            self._of_size[size] = CapturedUpdate(self._update, self._device, self._of_size)
        return self._of_size[size](*inputs)


def _room_for(example: Any, device: torch.device | str) -> Any:
    """A tensor like ``example``, or a dataclass or dictionary of such, in memory of its own on the device."""
    if isinstance(example, Tensor):
        return torch.empty_like(example, device=device)
    if isinstance(example, dict):
        return {key: _room_for(part, device) for key, part in example.items()}
    parts = {field.name: getattr(example, field.name) for field in fields(example)}
    rooms = {
        name: _room_for(part, device)
        for name, part in parts.items()
        if isinstance(part, Tensor | dict) or is_dataclass(part)
    }
    return replace(example, **rooms)


def _fill(room: Any, new: Any, path: str) -> None:
    """Copy the tensors of ``new`` into those of ``room``, without waiting."""
    if isinstance(room, Tensor) and isinstance(new, Tensor):
        if room.shape != new.shape or room.dtype != new.dtype:
            raise ValueError(
                f"a captured update keeps the shapes of its first inputs: {path} was {room.dtype} "
                f"{tuple(room.shape)}, now {new.dtype} {tuple(new.shape)}; call forget() first"
            )
        room.copy_(new, non_blocking=True)
    elif isinstance(room, dict) and isinstance(new, dict) and room.keys() == new.keys():
        for key, part in room.items():
            _fill(part, new[key], f"{path}[{key!r}]")
    elif is_dataclass(room) and type(room) is type(new):
        for field in fields(room):
            _fill(getattr(room, field.name), getattr(new, field.name), f"{path}.{field.name}")
    elif isinstance(room, Tensor) or isinstance(new, Tensor) or room != new:
        raise ValueError(f"a captured update keeps its first inputs: {path} was {room!r}, now {new!r}")
