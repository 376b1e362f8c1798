"""Files that are never half written, whatever stops the process."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

UNFINISHED = ".part"
"""How files end that are still being written."""


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path``, which takes its place when the block ends well and goes when it does not.

    Readers see the old file or the new one. Raises an OSError that names ``path`` and says what to do.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(path)
    try:
        with writing(path):
            yield temporary
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def unfinished(path: Path) -> Path:
    """Where this process writes what is to become ``path``; `sweep_unfinished` finds what a killed one left."""
    return path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")


def save_atomically(data: Any, path: str | Path) -> None:
    """``torch.save`` in the place of ``path``, on the disk when this returns."""
    # Commands that write tables alone start without it.
    import torch

    with replacing(path) as temporary, open(temporary, "wb") as file:
        kept = _KeptError(file)
        try:
            torch.save(data, kept)  # type: ignore[arg-type]  # it writes, which is all that torch wants
        except RuntimeError as error:
            raise kept.error or error from None
        file.flush()
        os.fsync(file.fileno())


class _KeptError:
    """What ``torch.save`` needs of a file. It would answer a failed write with an error of its own, without a name."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def write_json_atomically(data: Any, path: str | Path) -> None:
    """``data`` as JSON in the place of ``path``."""
    with replacing(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")


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
