"""Files that are never half written."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

UNFINISHED = ".part"
"""How files end that are still being written."""


def save_atomically(data: Any, path: str | Path) -> None:
    """``torch.save`` to a temporary file beside ``path``, then rename: readers see the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with writing(path), open(temporary, "wb") as file:
            torch.save(data, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Name the file, and what to do, in the error of a full disk or of one that fails."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot write {path}: {error.strerror or error}; make room for it and resume the run, "
            "whose last checkpoint is whole",
        ) from error


def sweep_unfinished(folder: str | Path) -> None:
    """Delete what killed processes left half written in ``folder`` and its sub-folders."""
    for path in Path(folder).rglob(f".*{UNFINISHED}"):
        path.unlink()
