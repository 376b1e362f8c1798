"""A run writes, overwrites and deletes in its folder: nothing in there may lead elsewhere."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ding_alma.run.run_error import RunError

REPLACED = ".pth.tar"
"""Ending of checkpoints, which are replaced as a whole and never written into."""


def refuse_links(folder: str | Path) -> None:
    """Look in ``folder``, which may be a link itself, and in all folders in it for what leads out of it.

    Checkpoints may have further names elsewhere: hard links keep a copy of them without costs.

    Raises:
        RunError: there is a symbolic link, a device, or a file that has another name outside of the folder.
    """
    names: Counter[tuple[int, int]] = Counter()
    files = []
    for entry in _entries(folder):
        if entry.is_symlink():
            raise RunError(
                f"{entry.path} is a symbolic link to {os.readlink(entry.path)}, and a run writes and deletes in its "
                "folder: replace the link by what it points to, or delete it"
            )
        if entry.is_dir():
            continue
        if not entry.is_file():
            raise RunError(f"{entry.path} is neither a file nor a folder, and a run writes in its folder: delete it")
        # Not of the entry, whose own copy of it knows no number of names on some systems.
        status = os.stat(entry.path, follow_symlinks=False)
        identity = status.st_dev, status.st_ino
        names[identity] += 1
        if not entry.name.endswith(REPLACED):
            files.append((entry.path, identity, status.st_nlink))
    for path, identity, links in files:
        if links > names[identity]:
            raise RunError(
                f"{path} is a hard link to a file that has another name outside of {folder}, and a run writes in its "
                "folder: replace it by a copy, as with cp -r of the whole folder"
            )


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(entry.path)
