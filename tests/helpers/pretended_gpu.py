"""A GPU that is not there: tensors of the CPU that carry a device's label, and everything that a real one would refuse.

Within ``with PretendedGpu() as gpu`` DI-engine, torch's optimisers and our own code find a GPU and take the paths that
they take on one, because ``x.device`` and ``x.is_cuda`` tell the label. The label sits on a tensor's storage, which
views, parameters, ``.data``, the autograd graph and optimisers share: a subclass of Tensor would be lost at parameters
and in compiled functions, and torch's PrivateUse1 backend calls itself something other than ``cuda`` and needs a kernel
of its own for every operation. Two modes do the work: a `TorchFunctionMode` answers for devices, moves and factories,
and a `TorchDispatchMode` sees every ATen call, those of backward passes included.

As with CUDA

- an operation on tensors of both devices raises a RuntimeError, but for CPU scalars (0-dimensional) and CPU indices;
- ``.numpy()`` of a tensor on the device raises a TypeError, as do CPU generators that are to fill one;
- a tensor that is made without a device, or of numpy's arrays, lands on the CPU;
- a storage is saved with its device and loaded to it unless ``map_location`` says otherwise.

What ``torch.cuda.set_sync_debug_mode`` would report is counted in ``waits``: values read on the host, shapes that
depend on values, and copies that do not say ``non_blocking``. While a CUDA graph is recorded (`pretended_graph`), each
of these is an error. Two things are not as with CUDA: gradients do not travel
back over a move between devices, and a GRU counts as the calls that it is made of on a CPU.
"""

import contextlib
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import torch
from pretended_graph import PretendedGraph, PretendedStream, Recording, tensors
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
ROOT = Path(__file__).parents[2]
_READERS = (Tensor.tolist, Tensor.__array__, Tensor.__repr__)
_NEW_OF_DATA = (torch.tensor, torch.as_tensor, torch.asarray, Tensor.new_tensor)
_WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "_unique", "_unique2", "unique_dim", "bincount", "equal"}
_NO_KERNEL = {"empty", "empty_like", "new_empty", "empty_strided", "detach", "alias", "_unsafe_view", "_reshape_alias"}
_INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index", "_unsafe_index_put"}


def label_of(x: Tensor) -> torch.device:
    """Where the tensor pretends to be; asked from inside the modes or outside of them."""
    with torch._C.DisableTorchFunction():
        try:
            return getattr(x.untyped_storage(), "label", CPU)
        except NotImplementedError:
            return CPU


def _put(x: Any, label: torch.device) -> Any:
    if isinstance(x, Tensor):
        x.untyped_storage().label = label
    elif isinstance(x, (list, tuple)):
        for one in x:
            _put(one, label)
    return x


def _is_scalar(x: Tensor) -> bool:
    return x.dim() == 0 and label_of(x) == CPU


def _on_gpu(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cuda"


class PretendedGpu:
    """The context in which the GPU is there, and what happened on it.

    Attributes:
        waits: synchronisations by their kind and the line of ours that caused them.
        kernels: ATen calls that would have launched something, and replays of graphs.
        graphs: recorded so far.
        is_recording: a graph is being recorded.
    """

    def __init__(self) -> None:
        self.waits: Counter[str] = Counter()
        self.kernels = 0
        self.graphs: list[PretendedGraph] = []
        self.is_recording = False

    def forget(self) -> None:
        """Count from here."""
        self.waits.clear()
        self.kernels = 0

    def wait(self, kind: str) -> None:
        """Count a synchronisation. Raises a RuntimeError while a graph is recorded."""
        if self.is_recording:
            raise RuntimeError(f"operation not permitted when stream is capturing: {kind} at {_our_line()}")
        self.waits[f"{kind} at {_our_line()}"] += 1

    def __enter__(self) -> "PretendedGpu":
        self._stack = contextlib.ExitStack()
        for patch in _patches(self):
            self._stack.enter_context(patch)
        self._stack.enter_context(_kept_devices(self))
        self._stack.enter_context(_Calls(self))
        self._stack.enter_context(_Answers(self))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


class _Answers(TorchFunctionMode):
    """What Python code sees: devices, moves, new tensors."""

    def __init__(self, gpu: PretendedGpu) -> None:
        super().__init__()
        self._gpu = gpu
        self._special: dict[Any, Callable[..., Any]] = {
            Tensor.device.__get__: label_of,
            Tensor.is_cuda.__get__: lambda x: label_of(x) == GPU,
            Tensor.is_cpu.__get__: lambda x: label_of(x) == CPU,
            Tensor.get_device: lambda x: 0 if label_of(x) == GPU else -1,
            Tensor.to: self._to,
            Tensor.cuda: lambda x, device=None, non_blocking=False, **_: self._move(x, GPU, non_blocking),
            Tensor.cpu: lambda x, **_: self._move(x, CPU),
            Tensor.numpy: self._numpy,
            torch.from_numpy: torch.from_numpy,
        }

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        special = self._special.get(func)
        if special is not None:
            return special(*args, **kwargs)
        if func in _READERS and label_of(args[0]) == GPU:
            self._gpu.wait(func.__name__)
        if func is Tensor.__deepcopy__:
            return _put(func(*args, **kwargs), label_of(args[0]))
        if "device" in kwargs or func in _NEW_OF_DATA:
            return self._make(func, args, kwargs)
        if next(tensors(*args, *kwargs.values()), None) is None:
            return _put(func(*args, **kwargs), CPU) if _is_new(func) else func(*args, **kwargs)
        return func(*args, **kwargs)

    def _make(self, func: Any, args: tuple, kwargs: dict) -> Any:
        source = args[0] if args and isinstance(args[0], Tensor) else None
        asked = kwargs.pop("device", None)
        if func in _NEW_OF_DATA and source is not None and func is not Tensor.new_tensor:
            made = func(*args, **kwargs)
            return made if asked is None else self._move(made, GPU if _on_gpu(asked) else CPU)
        label = label_of(source) if asked is None and source is not None else GPU if _on_gpu(asked) else CPU
        generator = kwargs.get("generator")
        if label == GPU and generator is not None:
            raise RuntimeError(f"Expected a 'cuda' device type for generator but found '{generator.device.type}'")
        if func in _NEW_OF_DATA and label == GPU:
            self._gpu.wait(func.__name__)
        return _put(func(*args, **kwargs), label)

    def _to(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        copied = kwargs.pop("copy", False)
        if args and isinstance(args[0], Tensor):
            args = (label_of(args[0]), args[0].dtype, *args[1:])
        elif isinstance(kwargs.get("other"), Tensor):
            other = kwargs.pop("other")
            kwargs.update(device=label_of(other), dtype=other.dtype)
        device, dtype, non_blocking, memory_format = torch._C._nn._parse_to(*args, **kwargs)
        here = label_of(x)
        target = here if device is None else GPU if _on_gpu(device) else CPU
        layout = {} if memory_format is None else {"memory_format": memory_format}
        if target == here:
            return Tensor.to(x, dtype=dtype, copy=copied, **layout)
        return Tensor.to(self._move(x, target, non_blocking), dtype=dtype, **layout)

    def _move(self, x: Tensor, target: torch.device, non_blocking: bool = False) -> Tensor:
        if label_of(x) == target:
            return x
        if target == CPU or not non_blocking:
            self._gpu.wait("copy to the " + ("host" if target == CPU else "device"))
        return _put(x.clone(), target)

    def _numpy(self, x: Tensor, **kwargs: Any) -> Any:
        if label_of(x) == GPU:
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")
        return Tensor.numpy(x, **kwargs)


def _is_new(func: Any) -> bool:
    """Whether a function without tensors among its arguments makes one."""
    return getattr(func, "__module__", "torch") in ("torch", None) and func is not torch.get_default_dtype


@functools.cache
def _name(func: Any) -> str:
    return func._schema.name.removeprefix("aten::")


@functools.cache
def _is_composite(func: Any) -> bool:
    return torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")


class _Calls(TorchDispatchMode):
    """What happens: every ATen call, below autograd."""

    def __init__(self, gpu: PretendedGpu) -> None:
        super().__init__()
        self._gpu = gpu

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled here, and shielding every call from torch's compiler takes as long as a tenth of all.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if _is_composite(func):
            # Inference mode hands on calls that autograd would have taken apart.
            with self:
                return func.decompose(*args, **kwargs)
        name = _name(func)
        given = list(tensors(*args, *kwargs.values()))
        if name == "copy_":
            label = self._copy(args, kwargs)
        elif given:
            label = self._common_label(func, name, args, given)
        else:
            # What the autograd engine makes by itself, such as the zeros of an unused output, is where its graph is.
            label = GPU if torch._C._current_graph_task_id() != -1 else CPU
        result = func(*args, **kwargs)
        if label == GPU:
            self._count(func, name, args, kwargs)
            _put(result, GPU)
        return result

    def _common_label(self, func: Any, name: str, args: tuple, given: list[Tensor]) -> torch.device:
        if name in _INDEXING:
            at = label_of(args[0])
            indices = list(tensors(args[1]))
            if at == CPU and any(label_of(index) == GPU for index in indices):
                raise RuntimeError("indices should be either on cpu or on the same device as the indexed tensor (cpu)")
            given = [x for x in given if all(x is not index for index in indices)]
        labels = {label_of(x) for x in given if not _is_scalar(x)}
        if len(labels) > 1 or (GPU in labels and func._schema.is_mutable and label_of(given[0]) == CPU):
            raise RuntimeError(f"Expected all tensors to be on the same device, but found cuda:0 and cpu! ({name})")
        return GPU if GPU in labels else CPU

    def _copy(self, args: tuple, kwargs: dict) -> torch.device:
        into, source = label_of(args[0]), label_of(args[1])
        non_blocking = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
        if into != source and not (into == GPU and (non_blocking or args[1].dim() == 0)):
            self._gpu.wait("copy to the " + ("host" if into == CPU else "device"))
        return into

    def _count(self, func: Any, name: str, args: tuple, kwargs: dict) -> None:
        if func.namespace != "aten":
            raise NotImplementedError(f"Could not run '{func}' with arguments from the 'CUDA' backend.")
        if kwargs.get("generator") is not None:
            raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
        if not func.is_view and name not in _NO_KERNEL:
            self._gpu.kernels += 1
        if name in _WAITING or (name == "repeat_interleave" and kwargs.get("output_size") is None):
            self._gpu.wait(name)
        if name in _INDEXING:
            for index in tensors(args[1]):
                if index.dtype in (torch.bool, torch.uint8):
                    self._gpu.wait("boolean index")
                elif label_of(index) == CPU:
                    self._gpu.wait("copy to the device")


def _our_line() -> str:
    """The innermost line of the packages or tests that is being executed."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = _our_path(frame.f_code.co_filename)
        if path:
            return f"{path}:{frame.f_lineno}"
        frame = frame.f_back
    return "torch"


@functools.cache
def _our_path(filename: str) -> str:
    """A file of the packages or tests, relative to the repository; empty for all others and for this one."""
    path = Path(filename)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) and path != Path(__file__) else ""


class _Event:
    """A moment on the device; nothing takes any time there."""

    def __init__(self, **_: Any) -> None:
        pass

    def record(self, *_: Any) -> None:
        """Passes."""

    def elapsed_time(self, end: "_Event") -> float:
        """Milliseconds."""
        return 1.0


def _patches(gpu: PretendedGpu) -> list[contextlib.AbstractContextManager]:
    """torch's questions about GPUs that are no operations on tensors."""
    state = torch.zeros(16, dtype=torch.uint8)
    group = torch._C._group_tensors_by_device_and_dtype

    def new_graph() -> PretendedGraph:
        gpu.graphs.append(PretendedGraph(gpu))
        return gpu.graphs[-1]

    def grouped(lists: Any, with_indices: bool = False) -> dict:
        return {
            (label_of(found[0][0]) if found[0] else device, dtype): (found, indices)
            for (device, dtype), (found, indices) in group(lists, with_indices).items()
        }

    answers: dict[str, Any] = {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": lambda *_: "pretended GPU",
        "mem_get_info": lambda *_: (2**34, 2**34),
        "synchronize": lambda *_: gpu.wait("torch.cuda.synchronize"),
        "Event": _Event,
        "Stream": PretendedStream,
        "current_stream": PretendedStream,
        "stream": lambda stream: contextlib.nullcontext(),
        "CUDAGraph": new_graph,
        "graph": lambda graph, pool=None, stream=None: Recording(graph, gpu, label_of),
        "is_current_stream_capturing": lambda: gpu.is_recording,
        "manual_seed": lambda *_: None,
        "manual_seed_all": lambda *_: None,
        "get_rng_state": lambda *_: state.clone(),
        "set_rng_state": lambda *_: None,
        "get_rng_state_all": lambda: [state.clone()],
        "set_rng_state_all": lambda *_: None,
    }
    return [
        *(mock.patch.object(torch.cuda, name, answer) for name, answer in answers.items()),
        mock.patch.object(torch.backends.cudnn, "is_acceptable", lambda *_: False),
        mock.patch.object(torch._C, "_group_tensors_by_device_and_dtype", grouped),
    ]


@contextlib.contextmanager
def _kept_devices(gpu: PretendedGpu) -> Iterator[None]:
    """Files know where a tensor was."""
    registry = torch.serialization._package_registry
    before = list(registry)

    def tag(storage: Any) -> str | None:
        if getattr(storage, "label", CPU) == CPU:
            return None
        gpu.wait("copy to the host")
        return "cuda:0"

    def restore(storage: Any, location: str) -> Any:
        if not location.startswith("cuda"):
            return None
        storage.label = GPU
        return storage

    torch.serialization.register_package(1, tag, restore)
    try:
        yield
    finally:
        registry[:] = before
