"""Signals by which people and batch systems ask a run to stop: SIGTERM, SIGINT (Ctrl-C), SIGUSR1 and SIGHUP."""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)
TOGETHER_SECONDS = 1.0
"""Signals that come this soon after the first are the same request: wrappers such as ``timeout`` and ``uv run`` pass
on what their whole process group receives as well."""


class StopRequest:
    """Notes the first signal, for whoever stops at the next good moment; a second one ends the process at once.

    Signals that the process ignores (under ``nohup``, for example) stay ignored. Forked processes treat them as they
    did before.

    Args:
        on_first: called with the first signal's number, in the signal handler.
        on_second: called before a second one ends the process.
        is_running: whether what can stop is still going on, given the interrupted frame; if not, signals have the
            meaning that they had before.
    """

    def __init__(
        self,
        on_first: Callable[[int], None],
        on_second: Callable[[int], None] = lambda number: None,
        is_running: Callable[[FrameType | None], bool] = lambda frame: True,
    ) -> None:
        self._on_first, self._on_second, self._is_running = on_first, on_second, is_running
        self._before: dict[int, Any] = {}
        self._process = os.getpid()
        self._since = 0.0
        self._terminals = _terminals()
        self.number: int | None = None
        """The first signal, None before one came."""

    def install(self) -> None:
        """Begin to listen; in the main thread only, as Python wants it, and without effect in others."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in STOPPING:
            before = signal.getsignal(number)
            earlier = getattr(before, "__self__", None)
            if isinstance(earlier, StopRequest):
                # Of a run that is over, or of the parent of a forked process.
                before = earlier._before[number]
            if before not in (signal.SIG_IGN, None):
                self._before[number] = before
                signal.signal(number, self._receive)

    def remove(self) -> None:
        """Give signals the meaning that they had before."""
        for number, before in self._before.items():
            signal.signal(number, before)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() != self._process or not self._is_running(frame):
            self.remove()
            os.kill(os.getpid(), number)
        elif self.number is None:
            self.number, self._since = number, time.monotonic()
            if number == signal.SIGHUP:
                _leave(self._terminals)
            self._on_first(number)
        elif time.monotonic() - self._since >= TOGETHER_SECONDS:
            self._on_second(number)
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


def name_of(number: int) -> str:
    """``SIGTERM``."""
    return signal.Signals(number).name


def exit_status(number: int) -> int:
    """What a process ends with that a signal has stopped, as shells have it."""
    return 128 + number


def tell(text: str) -> None:
    """Print a line on the standard error; from a signal handler, too, where Python's streams may be in use."""
    with contextlib.suppress(OSError):
        os.write(2, f"{text}\n".encode())


def own_process_group(process: int = 0) -> None:
    """Keep signals for the whole process group, such as those of a terminal, from a process: its parent passes them on.

    Args:
        process: number of a forked child; 0 is this process.
    """
    with contextlib.suppress(OSError):
        os.setpgid(process, process)


def stop_with_parent() -> None:
    """Ask this process to stop, by SIGTERM, when the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_stop_after, args=(parent,), daemon=True).start()


def _stop_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


def _terminals() -> list[int]:
    return [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]


def _leave(terminals: list[int]) -> None:
    """After a hangup, writing to the terminal fails, which must not end the run before it has saved."""
    for descriptor in terminals:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
