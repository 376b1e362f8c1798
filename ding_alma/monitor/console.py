"""The console of a training run: few lines, one of them alive."""

import logging
import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.logging import RichHandler
from rich.text import Text

from ding_alma.monitor.progress import ProgressMeter

LIVE_SECONDS = 0.5
HARMLESS_WARNINGS = ("Replay buffer's data can only train for", "has already been added to logger", "NaN or Inf found")
"""Parts of DI-engine's warnings that every healthy run shows."""


def console_handlers() -> list[logging.Handler]:
    """Handlers of DI-engine's loggers that write to the terminal; those that write to files are not among them."""
    loggers = [logging.getLogger(), *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    handlers = {id(handler): handler for logger in loggers for handler in logger.handlers}
    return [
        handler
        for handler in handlers.values()
        if isinstance(handler, RichHandler) or getattr(handler, "stream", None) in (sys.stdout, sys.stderr)
    ]


def only_news(record: logging.LogRecord) -> bool:
    """A logging filter: warnings and errors, without the warnings that every healthy run shows."""
    if record.levelno < logging.WARNING:
        return False
    return not any(part in record.getMessage() for part in HARMLESS_WARNINGS)


class QuietConsole:
    """Keeps DI-engine's tables and per-episode lines off the terminal; log files stay complete."""

    def __init__(self) -> None:
        self._handlers: list[logging.Handler] = []

    def begin(self) -> None:
        """Start to filter the handlers that exist now."""
        self._handlers = console_handlers()
        for handler in self._handlers:
            handler.addFilter(only_news)

    def end(self) -> None:
        """Show everything again."""
        for handler in self._handlers:
            handler.removeFilter(only_news)
        self._handlers = []


class PlainLines:
    """Prints a line of progress every ``interval`` seconds; for files and pipes."""

    def __init__(
        self, meter: ProgressMeter, interval: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._meter = meter
        self._interval = interval
        self._clock = clock
        self._last = clock()

    def tick(self) -> None:
        """The meter has news."""
        if self._clock() - self._last >= self._interval:
            self._last = self._clock()
            self.say(self._meter.line())

    def say(self, text: str) -> None:
        """Print a line that stays."""
        print(text, flush=True)

    def close(self) -> None:
        """Print the last state."""
        self.say(self._meter.line())


class LiveLine:
    """Keeps the state of the run at the bottom of a terminal, in one line or, where that is narrow, in several."""

    def __init__(self, meter: ProgressMeter, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._meter = meter
        self._console = console
        self._clock = clock
        self._last = clock()
        self._live = Live(self._text(), console=console, auto_refresh=False)
        self._live.start()

    def tick(self) -> None:
        """The meter has news."""
        if self._clock() - self._last >= LIVE_SECONDS:
            self._last = self._clock()
            self._live.update(self._text(), refresh=True)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(Text(text))

    def show(self) -> None:
        """Redraw now: something begins that takes a while."""
        self._live.update(self._text(), refresh=True)

    def close(self) -> None:
        """Leave the last state on the screen and give the terminal back."""
        self._live.update(self._text(), refresh=True)
        self._live.stop()

    def _text(self) -> Text:
        return Text(self._meter.lines(self._console.width), style="cyan")


def progress_display(meter: ProgressMeter, interval: float) -> PlainLines | LiveLine:
    """A live line where a person looks at a terminal, plain lines elsewhere.

    The live line shares the console of DI-engine's log handler, so that warnings do not tear it.
    """
    consoles = [handler.console for handler in console_handlers() if isinstance(handler, RichHandler)]
    console = consoles[0] if consoles else Console()
    if sys.stdout.isatty() and console.is_terminal:
        return LiveLine(meter, console)
    return PlainLines(meter, interval)
