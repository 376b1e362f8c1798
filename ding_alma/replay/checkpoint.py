"""Files that are never half written."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch


def save_atomically(data: Any, path: str | Path) -> None:
    """``torch.save`` to a temporary file beside ``path``, then rename: readers see the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(data, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
