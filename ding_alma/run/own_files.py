"""A run writes, overwrites and deletes in its folder: nothing in there may lead elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

from ding_alma.run.run_error import RunError


def refuse_links(folder: str | Path) -> None:
    """Look in ``folder``, which may be a link itself, and in all folders in it for what is neither a file nor a folder.

    Raises:
        RunError: there is one, a symbolic link or a device for example.
    """
    for entry in _entries(folder):
        if entry.is_symlink():
            raise RunError(
                f"{entry.path} is a symbolic link to {os.readlink(entry.path)}, and a run writes and deletes in its "
                "folder: replace the link by what it points to, or delete it"
            )
        if not (entry.is_dir() or entry.is_file()):
            raise RunError(f"{entry.path} is neither a file nor a folder, and a run writes in its folder: delete it")


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)
