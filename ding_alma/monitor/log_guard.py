"""A run's logs on a disk that is full: the run stops with the file's name.

tensorboardX writes in a thread of its own behind a short queue. An error ends the thread, and then whoever puts the
eleventh value into the queue, or closes the writer at the end of the process, would wait for ever. Python's text logs
would print a traceback for every line and go on.
"""

import contextlib
import logging
import sys
from functools import partial
from typing import Any

from ding.worker.learner.learner_hook import LearnerHook

from ding_alma.atomic_file import writing


class GuardedEvents:
    """Stands in for the file of a tensorboard writer, in its thread: keeps the first error in place of raising it.

    Once closed it does nothing: DI-engine's workers flush at the end of the process, in any order, what one of them has
    closed.
    """

    def __init__(self, events: Any) -> None:
        self._events = events
        self.error: OSError | None = None
        self._is_told = self._is_closed = False

    def write_event(self, event: Any) -> None:
        """Append an event, as long as nothing has failed."""
        self._attempt(self._events.write_event, event)

    def flush(self) -> bool:
        """Hand everything to the disk, as long as nothing has failed."""
        self._attempt(self._events.flush)
        return True

    def close(self) -> bool:
        """Close the file, and say what nobody has heard of yet."""
        if self._is_closed:
            return True
        self._is_closed = True
        try:
            self._events.close()
        except OSError as error:
            self.error = self.error or error
        if self.error is not None and not self._is_told:
            self._is_told = True
            logging.warning(f"the end of {self._path} is missing: {self.error}")
        return True

    def check(self) -> None:
        """Raise an OSError that names the file if something has failed."""
        if self.error is not None:
            self._is_told = True
            with writing(self._path):
                raise self.error

    @property
    def _path(self) -> str:
        return self._events._file_name

    def _attempt(self, write: Any, *arguments: Any) -> None:
        if self.error is not None or self._is_closed:
            return
        try:
            write(*arguments)
        except OSError as error:
            self.error = error


class GuardedQueue:
    """Stands in for the queue of a tensorboard writer, in its thread: a process that ends without having closed the
    writer closes the queue under it."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def get(self, *args: Any) -> Any:
        """The next event, or the sign to stop once there cannot be any."""
        try:
            return self._queue.get(*args)
        except (OSError, ValueError, EOFError):
            return object()

    def put(self, item: Any) -> None:
        """Add an event, or the sign to stop."""
        with contextlib.suppress(OSError, ValueError):
            self._queue.put(item)


class CloseLogsHook(LearnerHook):
    """Writes the end of the tensorboard file and closes it (position after_run)."""

    def __call__(self, engine: Any) -> None:
        """Close it."""
        if engine.tb_logger is not None:
            engine.tb_logger.close()


def guard_logs(writer: Any, *loggers: logging.Logger) -> None:
    """From now on a failed write raises an OSError that names the file.

    Args:
        writer: of tensorboard; its next ``add_scalar`` raises the error.
        loggers: those of their handlers that write files raise at once.
    """
    for logger in loggers:
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                setattr(handler, "handleError", partial(_raise_named, handler))  # noqa: B010  (a method of one object)
    events = writer.file_writer.event_writer
    guarded = GuardedEvents(events._ev_writer)
    events._ev_writer = events._worker._record_writer = guarded
    if not events._worker.is_alive():
        events._worker = type(events._worker)(events._event_queue, guarded, events._flush_secs)
        events._worker.start()
        guarded.error = OSError("it could not be begun")
    events._worker._queue = GuardedQueue(events._event_queue)
    add_scalar = writer.add_scalar

    def guarded_add_scalar(*args: Any, **kwargs: Any) -> None:
        guarded.check()
        add_scalar(*args, **kwargs)

    writer.add_scalar = guarded_add_scalar


def _raise_named(handler: logging.FileHandler, record: logging.LogRecord) -> None:
    """In the place of a handler's ``handleError``, which is called where the error is handled."""
    error = sys.exc_info()[1]
    if isinstance(error, OSError):
        with writing(handler.baseFilename):
            raise error
    logging.Handler.handleError(handler, record)
