"""CUDA graphs on the pretended GPU: a list of ATen calls that is carried out again on the same memory.

What a real capture demands is demanded here, and what a real replay would get wrong, this one gets wrong as well: it
repeats the recorded calls with the recorded tensors and the recorded Python numbers, so that a batch that was not
copied in, or a learning rate that was a number, is that of the recording forever.

A recording raises a RuntimeError where an update reads a value on the host, has a shape that depends on values, uses or
writes a tensor of the host (any upload begins with one; single numbers may take part, as they are) or draws random
numbers. As with CUDA it changes nothing: what its calls wrote outside of what they made is put back at its end.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

_COPIES = {"aten::copy_", "aten::clone", "aten::_to_copy"}
_UNSAID = {"aten::native_batch_norm": ("running_mean", "running_var")}
"""Arguments that are written to although the call's schema does not say so."""
_UNTOUCHED = {"aten::detach", "aten::alias", "aten::lift_fresh"}
"""Called on a new tensor before it gets the label of its device."""


@dataclass
class Call:
    """One ATen call of a recording."""

    func: Any
    args: tuple
    kwargs: dict
    described: tuple
    """Name and arguments; two recordings of what can be captured are described alike."""
    made: list[tuple[int, Tensor]] = field(default_factory=list)
    """Results that are no views of anything older, with their places among all results."""


class PretendedGraph:
    """In the place of `torch.cuda.CUDAGraph`."""

    def __init__(self, gpu: Any) -> None:
        self._gpu = gpu
        self.calls: list[Call] = []
        self.replays = 0

    def replay(self) -> None:
        """Repeat the recorded calls on the recorded tensors."""
        self.replays += 1
        self._gpu.kernels += 1
        with torch.no_grad(), _disable_current_modes(), torch._C.DisableTorchFunction():
            for call in self.calls:
                results = list(tensors(call.func(*call.args, **call.kwargs)))
                for place, kept in call.made:
                    kept.copy_(results[place])

    def pool(self) -> tuple[int, int]:
        """Of memory; nothing is allocated from it."""
        return (0, 1)

    def described(self) -> list[tuple]:
        """What was recorded, call after call."""
        return [call.described for call in self.calls]


class Recording(TorchDispatchMode):
    """In the place of `torch.cuda.graph`: records the calls of a block into a `PretendedGraph`."""

    def __init__(self, graph: PretendedGraph, gpu: Any, label_of: Any) -> None:
        super().__init__()
        self._graph, self._gpu, self._label_of = graph, gpu, label_of
        self._maker: dict[int, int] = {}
        """Storage -> call that made it."""
        self._before: dict[int, tuple[Tensor, Tensor]] = {}
        """Storage -> a tensor that sees all of it, and its content before it was written to."""

    def __enter__(self) -> "Recording":
        self._gpu.is_recording = True
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._gpu.is_recording = False
        with torch.no_grad(), _disable_current_modes(), torch._C.DisableTorchFunction():
            for content, before in self._before.values():
                content.copy_(before)

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:
                return func.decompose(*args, **kwargs)
        if func.namespace == "profiler":
            return func(*args, **kwargs)
        if torch.Tag.nondeterministic_seeded in func.tags:
            raise RuntimeError(f"{func} draws random numbers while a graph is recorded")
        name = func._schema.name
        for x in tensors(*args, *kwargs.values()):
            if self._label_of(x).type != "cuda" and (x.dim() or name in _COPIES) and name not in _UNTOUCHED:
                raise RuntimeError(f"{func} uses a tensor of the host while a graph is recorded")
        described = (str(func), self._described(args), self._described(tuple(kwargs.items())))
        self._keep(func, args, kwargs)
        given = {_storage(x) for x in tensors(*args, *kwargs.values())}
        result = func(*args, **kwargs)
        call = Call(func, args, kwargs, described)
        for place, x in enumerate(tensors(result)):
            if _storage(x) not in given:
                self._maker[_storage(x)] = len(self._graph.calls)
                call.made.append((place, x))
        self._graph.calls.append(call)
        return result

    def _keep(self, func: Any, args: tuple, kwargs: dict) -> None:
        """Remember what the call overwrites."""
        for number, argument in enumerate(func._schema.arguments):
            is_said = argument.alias_info is not None and argument.alias_info.is_write
            if not is_said and argument.name not in _UNSAID.get(func._schema.name, ()):
                continue
            value = args[number] if number < len(args) else kwargs.get(argument.name)
            for x in tensors(value):
                if _storage(x) not in self._maker and self._label_of(x).type != "cuda":
                    raise RuntimeError(f"{func} writes a tensor of the host while a graph is recorded")
                if _storage(x) not in self._maker and _storage(x) not in self._before:
                    with torch.no_grad(), _disable_current_modes(), torch._C.DisableTorchFunction():
                        whole = torch.empty(0, dtype=x.dtype).set_(x.untyped_storage())
                        self._before[_storage(x)] = whole, whole.clone()

    def _described(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            storage = _storage(value)
            if storage not in self._maker and self._label_of(value).type != "cuda":
                with torch._C.DisableTorchFunction(), _disable_current_modes():
                    return "number", value.dtype, value.item()
            with torch._C.DisableTorchFunction():
                form = (value.dtype, tuple(value.shape), value.stride(), value.storage_offset())
            return ("made by", self._maker[storage], *form) if storage in self._maker else ("kept", storage, *form)
        if isinstance(value, (list, tuple)):
            return tuple(map(self._described, value))
        return str(value) if isinstance(value, torch.Generator) else value


def tensors(*values: Any) -> Iterator[Tensor]:
    """All tensors among values and in lists and tuples of them."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors(*value)


def _storage(x: Tensor) -> int:
    with torch._C.DisableTorchFunction():
        return x.untyped_storage()._cdata


class PretendedStream:
    """In the place of `torch.cuda.Stream`: everything happens at once."""

    def wait_stream(self, stream: "PretendedStream") -> None:
        """Nothing to wait for."""
