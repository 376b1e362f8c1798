"""One process trains in a run's folder: two that resume it would overwrite each other's checkpoints and episodes.

By POSIX record locks, which forked processes of environments do not inherit: those may outlive a killed run a little.
"""

import fcntl
import logging
import os
from pathlib import Path
from typing import IO, Any

from ding.worker.learner.learner_hook import LearnerHook

from ding_alma.run.own_files import refuse_links
from ding_alma.run.run_error import RunError

LOCK = "lock"
"""In a run's folder: locked by the process that trains there, whose number it holds."""

_held: dict[tuple[int, Path], IO[str]] = {}
"""By process, too: a forked process inherits this table but not the locks."""


def acquire(folder: str | Path) -> None:
    """Lock a run's folder until `release` or the end of this process, however it ends; again is harmless.

    Raises:
        RunError: another process trains there, or something in the folder leads elsewhere.
    """
    path = (Path(folder) / LOCK).absolute()
    if (os.getpid(), path) in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    refuse_links(path.parent)
    # Open as long as it is locked: this kind of lock ends with the first close of the file in its process.
    file = path.open("a+", encoding="ascii")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        owner = file.read().strip()
        file.close()
        raise RunError(f"{folder} is being trained by another process ({owner}); wait for its end or stop it") from None
    except OSError as error:
        logging.warning(f"{path} cannot be locked ({error.strerror}): see to it that no other process trains there")
    file.truncate(0)
    file.write(f"process {os.getpid()} on {os.uname().nodename}\n")
    file.flush()
    _held[os.getpid(), path] = file


def release(folder: str | Path) -> None:
    """Let other processes train in a folder that `acquire` has locked; nothing if it has not."""
    file = _held.pop((os.getpid(), (Path(folder) / LOCK).absolute()), None)
    if file is not None:
        file.close()


class ReleaseHook(LearnerHook):
    """Releases the run's folder (position after_run)."""

    def __call__(self, engine: Any) -> None:
        """Release it."""
        release(engine.exp_name)
