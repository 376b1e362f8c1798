"""What is kept of a run that stops because something went wrong in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import torch

from ding_alma.replay.checkpoint import save_atomically
from ding_alma.report.run_config import RunError
from ding_alma.rl.optimisation import NotFiniteError

FAILURE = "failure.pth.tar"
"""In a run's folder: ``policy`` (its state), ``batch`` (what it was to learn from, as nested tensors), ``error``."""

GRACE_SECONDS = 1.0
"""Time in which a process that closed its pipe is seen to have died."""


class GuardedLearner:
    """Saves what a learner was about to learn from when a loss turns out not to be finite.

    Args: learner, DI-engine's, whose ``train`` is replaced.
    """

    def __init__(self, learner: Any) -> None:
        self._learner, self._train = learner, learner.train
        learner.train = self._guarded

    def _guarded(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._train(data, *args, **kwargs)
        except NotFiniteError as error:
            batch = as_tensors(data)
            path = Path(self._learner.exp_name) / FAILURE
            save_atomically({"policy": self._learner.policy.state_dict(), "batch": batch, "error": str(error)}, path)
            found = [*not_finite(batch, "batch"), *not_finite(self._learner.policy.state_dict(), "policy")]
            raise RunError(
                f"{error}, in iteration {self._learner.train_iter}; "
                f"{'not finite: ' + ', '.join(found) if found else 'every tensor of batch and weights is finite'}; "
                f"both are in {path}, and the last checkpoint is from before"
            ) from error


class GuardedEnvironments:
    """Says which environment's process died, where DI-engine's managers show a closed pipe, and ends the others.

    Args:
        worker: DI-engine's collector or evaluator.
        method: of the worker, which steps environments and is replaced.
        other: the run's other worker, closed too.
    """

    def __init__(self, worker: Any, method: str, other: Any) -> None:
        self._worker, self._method, self._call, self._other = worker, method, getattr(worker, method), other
        setattr(worker, method, self._guarded)

    def _guarded(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._call(*args, **kwargs)
        except (EOFError, ConnectionError) as error:
            # Not by `getattr`, which managers pass on to their environments.
            processes = vars(self._worker._env).get("_subprocesses")
            if not processes:
                raise
            for process in processes.values():
                process.join(GRACE_SECONDS / len(processes))
            died = {i: process.exitcode for i, process in processes.items() if process.exitcode is not None}
            for process in processes.values():
                process.kill()
                process.join()
            self._worker._env._closed = True
            self._other.close()
            raise RunError(
                f"{self._method}: the processes of environments {sorted(died)} died (exit codes {died}; -9 is a kill, "
                "often for want of memory); resume the run, which goes on from its last checkpoint"
            ) from error


def as_tensors(data: Any) -> Any:
    """Dataclasses as dicts and sequences as lists, down to tensors and plain values."""
    if is_dataclass(data):
        return {field.name: as_tensors(getattr(data, field.name)) for field in fields(data)}
    if isinstance(data, Mapping):
        return {str(key): as_tensors(value) for key, value in data.items()}
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [as_tensors(value) for value in data]
    return data


def not_finite(data: Any, path: str) -> Iterator[str]:
    """Names of the tensors in nested data that hold NaN or infinities."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from not_finite(value, f"{path}.{key}")
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from not_finite(value, f"{path}[{index}]")
    elif isinstance(data, torch.Tensor) and data.is_floating_point() and not data.isfinite().all():
        yield path
