"""Many short runs in forked children of one process, which has paid for the imports."""

import contextlib
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

HELPERS = Path(__file__).parents[1] / "helpers"
TRACEBACK_STATUS = 70
"""Exit status of a child whose function raised anything but SystemExit."""
POLL_SECONDS = 0.02
MEMORY = 12 * 2**30
"""Address space of a child, so that a huge value meets the end of the memory and not the host."""

Case = TypeVar("Case")


@dataclass(frozen=True)
class Outcome(Generic[Case]):
    """How one child ended."""

    case: Case
    status: int | None
    """Exit status, as `os.waitstatus_to_exitcode` has it; None if its time was over."""
    output: str
    """All that it and its own children printed."""
    folder: Path
    """Where it ran; deleted when the next outcome is asked for."""
    orphans: bool
    """Whether a process that it had started outlived it by more than `FAREWELL_SECONDS`."""


FAREWELL_SECONDS = 5.0


def outcomes(
    cases: Iterable[Case], function: Callable[[Case], None], seconds: float, jobs: int = 1
) -> Iterator[Outcome[Case]]:
    """Call ``function`` with every case, in a child process and an empty folder of its own.

    Args:
        seconds: after which a child is killed.
        jobs: children at a time.
    """
    waiting, running = iter(cases), {}
    is_over = False
    while running or not is_over:
        while len(running) < jobs and not is_over:
            try:
                case = next(waiting)
            except StopIteration:
                is_over = True
                break
            folder = Path(tempfile.mkdtemp(prefix="campaign_"))
            running[start(lambda case=case: function(case), folder, _output_file(folder))] = (
                case,
                folder,
                time.monotonic() + seconds,
            )
        for process, (case, folder, deadline) in list(running.items()):
            ended, status = os.waitpid(process, os.WNOHANG)
            is_late = not ended and time.monotonic() > deadline
            if not ended and not is_late:
                continue
            if is_late:
                os.killpg(process, signal.SIGKILL)
                os.waitpid(process, 0)
            del running[process]
            code = None if is_late else os.waitstatus_to_exitcode(status)
            orphans = not is_late and not _group_is_gone(process)
            yield Outcome(case, code, _output(folder), folder, orphans)
            shutil.rmtree(folder, ignore_errors=True)
            _output_file(folder).unlink(missing_ok=True)
        time.sleep(POLL_SECONDS)


def start(function: Callable[[], None], folder: Path, output: Path) -> int:
    """Fork a child that works in ``folder``, leads a process group of its own and prints into a file.

    Returns:
        its number.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    process = os.fork()
    if process:
        with contextlib.suppress(OSError):
            os.setpgid(process, process)
        return process
    status = TRACEBACK_STATUS
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with open(output, "wb") as file:
            for descriptor in (1, 2):
                os.dup2(file.fileno(), descriptor)
        os.chdir(folder)
        function()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _group_is_gone(group: int) -> bool:
    """Wait for the processes of a group; those that stay are killed."""
    deadline = time.monotonic() + FAREWELL_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(POLL_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    return False


def _output_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.out")


def _output(folder: Path) -> str:
    return _output_file(folder).read_text(encoding="utf-8", errors="replace")
