"""Scalars that workers log, on their way into the learner's tensorboard."""

from collections.abc import Iterable
from typing import Any

from ding_alma.pipeline.messages import Scalar


class ScalarBag:
    """Stands in for a tensorboard writer: keeps what is logged until it is taken.

    Args:
        name: of the component that logs, under which it has its own text log.
        role: what its tags are to begin with instead, so that they are those of a serial run.
    """

    def __init__(self, name: str, role: str) -> None:
        self._name, self._role = name, role
        self._scalars: list[Scalar] = []

    def add_scalar(self, tag: str, scalar_value: Any, global_step: int | None = None) -> None:
        """Keep one."""
        step = -1 if global_step is None else int(global_step)
        self._scalars.append((tag.replace(self._name, self._role, 1), float(scalar_value), step))

    def take(self) -> list[Scalar]:
        """All that were kept, in their order; none is left."""
        taken, self._scalars = self._scalars, []
        return taken

    def flush(self) -> None:
        """There is no file."""

    def close(self) -> None:
        """There is no file."""


def log_scalars(writer: Any, scalars: Iterable[Scalar]) -> None:
    """Write a worker's scalars into a tensorboard writer."""
    for tag, value, step in scalars:
        writer.add_scalar(tag, value, step)
