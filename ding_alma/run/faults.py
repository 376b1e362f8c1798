"""What is kept of a run that stops because a loss was not finite."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import torch
from ding.utils import EasyTimer

from ding_alma.atomic_file import save_atomically
from ding_alma.rl.optimisation import NotFiniteError
from ding_alma.run.run_error import RunError

FAILURE = "failure.pth.tar"
"""In a run's folder: ``policy`` (its state), ``batch`` (what it was to learn from, as nested tensors), ``error``."""


class GuardedLearner:
    """Saves what a learner was about to learn from when a loss turns out not to be finite.

    Its ``train_time`` becomes that of the host's clock: on a GPU, how long handing an update over takes.

    Args: learner, DI-engine's, whose ``train`` and its timer are replaced.
    """

    def __init__(self, learner: Any) -> None:
        self._learner, self._train = learner, learner.train
        learner.train = self._guarded
        # DI-engine's timer would wait for the GPU before and after every update.
        learner._wrapper_timer = EasyTimer(cuda=False)

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
