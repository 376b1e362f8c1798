"""Environments in processes of their own that die, hang or fail to begin an episode: a stop with a name, not a wait."""

import contextlib
import ctypes
import threading
import time
from collections.abc import Iterator
from typing import Any

from ding.envs.env_manager.base_env_manager import EnvState
from ding.envs.env_manager.subprocess_env_manager import AsyncSubprocessEnvManager

from ding_alma.run.run_error import RunError
from ding_alma.run.stop_request import own_process_group

SILENCE_SECONDS = 600.0
"""Time for one step of an environment, after which its process counts as hung."""
POLL_SECONDS = 1.0
"""Time between two looks at the processes, and for an idle one to show that it is."""

FAREWELL_SECONDS = 30.0
"""Patience with DI-engine's manager, which gives every process five seconds to close."""

THREAD = "environments' watch"


def close_environments(manager: Any) -> None:
    """Close a manager whose environments may be at a reset, in threads that read what ``close`` would read, too."""
    if isinstance(manager, AsyncSubprocessEnvManager):
        end = time.monotonic() + FAREWELL_SECONDS
        while EnvState.RESET in manager._env_states.values() and time.monotonic() < end:
            time.sleep(0.01)
    manager.close()


class Interrupted(BaseException):
    """Raised in the thread that waits for environments, where DI-engine would wait for ever."""


class GuardedEnvironments:
    """Ends a run whose environments' processes have failed, and all of those processes.

    Managers without such processes are left as they are.

    Args:
        worker: DI-engine's collector or evaluator.
        method: of the worker, which steps environments and is replaced.
        others: workers that end with it.
    """

    def __init__(self, worker: Any, method: str, *others: Any) -> None:
        self._worker, self._call, self._others = worker, getattr(worker, method), others
        self._watch = None
        if isinstance(worker._env, AsyncSubprocessEnvManager):
            self._watch = Watch(worker._env)
            setattr(worker, method, self._guarded)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """While something waits for the environments.

        Raises:
            RunError: a process has died or hung, or an environment could not begin an episode, now or before.
        """
        if self._watch is None:
            yield
            return
        for process in self._worker._env._subprocesses.values():
            # Or a signal for the whole group, such as Ctrl-C, would end them while the run is about to save.
            own_process_group(process.pid)
        try:
            with self._watch:
                yield
        except (Exception, Interrupted) as error:
            failure = self._watch.failure()
            if failure is None:
                raise
            self._end()
            raise RunError(
                f"{self._worker._instance_name}: {failure}; resume the run, which goes on from its last checkpoint"
            ) from error

    def _guarded(self, *args: Any, **kwargs: Any) -> Any:
        with self.waiting():
            return self._call(*args, **kwargs)

    def _end(self) -> None:
        manager = self._worker._env
        for process in manager._subprocesses.values():
            process.kill()
            process.join()
        manager._closed = True
        for other in self._others:
            other.close()


class Watch:
    """Looks after the processes of a manager while a worker waits for them (as a context).

    A process that does not answer is killed, which ends the wait; for a reset that has failed for good DI-engine's
    manager waits in its own thread, where it is interrupted.
    """

    def __init__(self, manager: AsyncSubprocessEnvManager) -> None:
        self._manager, self._step, self._reset = manager, manager.step, manager._reset
        manager.step, manager._reset = self._watched_step, self._watched_reset
        self._asked: dict[int, float] = {}
        """Environments that step, and since when."""
        self._lock = threading.Lock()
        self._waiting: int | None = None
        """The thread to interrupt."""
        self._is_over = threading.Event()
        self._hung: list[int] = []
        self._resetting: set[int] = set()
        self._failed_reset: tuple[int, Exception] | None = None
        """The first."""

    def __enter__(self) -> None:
        if self._failed_reset is not None:
            raise Interrupted
        self._waiting = threading.get_ident()
        self._is_over.clear()
        self._looking = threading.Thread(target=self._look, name=THREAD, daemon=True)
        self._looking.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._looking.join()
        with self._lock:
            if self._waiting is not None:
                _raise_in(self._waiting, None)
            self._waiting = None

    def failure(self) -> str | None:
        """What has happened, in words; None if it was no process: an environment that raised an error, for example."""
        if self._manager._closed:
            # By a reset that has failed, of which DI-engine knows only when it has closed everything, or by a step.
            deadline = time.monotonic() + FAREWELL_SECONDS
            while self._resetting and time.monotonic() < deadline:
                time.sleep(0.01)
        if self._failed_reset is not None:
            number, error = self._failed_reset
            # A pipe that was closed says nothing but its error's name.
            said = str(error).strip() or type(error).__name__
            return f"environment {number} could not begin an episode: {said.splitlines()[-1]}"
        if self._hung:
            return (
                f"the processes of environments {self._hung} hung, with no answer for {SILENCE_SECONDS:.0f} s, and "
                "were killed (env.manager.step_timeout interrupts a step earlier, with its traceback)"
            )
        if self._manager._closed:
            return None
        processes = self._manager._subprocesses
        for process in processes.values():
            process.join(POLL_SECONDS / len(processes))
        died = {i: process.exitcode for i, process in processes.items() if process.exitcode is not None}
        if died:
            return (
                f"the processes of environments {sorted(died)} died (exit codes {died}; -9 is a kill, often for want "
                "of memory)"
            )
        return None

    def _watched_step(self, actions: dict[int, Any]) -> dict[int, Any]:
        self._asked |= dict.fromkeys(actions, time.monotonic())
        timesteps = self._step(actions)
        for number in timesteps:
            self._asked.pop(number, None)
        return timesteps

    def _watched_reset(self, number: int) -> None:
        self._resetting.add(number)
        try:
            self._reset(number)
        except Exception as error:
            with self._lock:
                # Others fail because the manager closes everything after the first.
                if self._failed_reset is None:
                    self._failed_reset = number, error
                    if self._waiting is not None:
                        _raise_in(self._waiting, Interrupted)
            raise
        finally:
            self._resetting.discard(number)

    def _look(self) -> None:
        while not self._is_over.wait(POLL_SECONDS):
            deadline = time.monotonic() - SILENCE_SECONDS
            late = [number for number, since in list(self._asked.items()) if since < deadline]
            # Answers of others wait to be read: a worker between two collections may take longer than a step.
            late = [number for number in late if self._is_silent(number)]
            if late:
                self._hung = self._silent_when_asked(late) or late
                for number in self._hung:
                    self._manager._subprocesses[number].kill()
                return

    def _silent_when_asked(self, late: list[int]) -> list[int]:
        """Those that do not even say what they are. One whose step was read a moment ago would."""
        for number in late:
            with contextlib.suppress(OSError):
                self._manager._pipe_parents[number].send(["getattr", ["__class__"], None])
        time.sleep(POLL_SECONDS)
        return [number for number in late if self._is_silent(number)]

    def _is_silent(self, number: int) -> bool:
        try:
            return not self._manager._pipe_parents[number].poll()
        except OSError:
            # Closed, by the manager.
            return False


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Let a thread raise an error at its next line of Python; None takes one back that it has not raised yet."""
    reference = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), reference)
