import io
import logging
import sys

import pytest
from rich.console import Console

from ding_alma.monitor.console import LiveLine, PlainLines, QuietConsole
from ding_alma.monitor.progress import Limits, ProgressMeter


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def logger(tmp_path):
    """A logger like DI-engine's, its file and what stands for the terminal."""
    terminal = io.StringIO()
    logger = logging.getLogger("console_test_logger")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    handlers = [logging.StreamHandler(terminal), logging.FileHandler(tmp_path / "log.txt")]
    for handler in handlers:
        logger.addHandler(handler)
    yield logger, tmp_path / "log.txt", terminal
    for handler in handlers:
        logger.removeHandler(handler)
        handler.close()


def test_quiet_console_keeps_files_and_warnings(logger, monkeypatch):
    logger, file, terminal = logger
    monkeypatch.setattr(sys, "stderr", terminal)
    quiet = QuietConsole()
    quiet.begin()
    logger.info("a big table")
    logger.warning("Replay buffer's data can only train for 0 steps.")
    logger.warning("something is wrong")
    quiet.end()
    logger.info("again")
    assert terminal.getvalue() == "something is wrong\nagain\n"
    assert file.read_text().count("\n") == 4


def test_plain_lines_keep_their_interval(capsys):
    clock = Clock()
    meter = ProgressMeter(Limits(env_steps=1000), clock)
    lines = PlainLines(meter, interval=30, clock=clock)
    for second in range(100):
        clock.now = second
        meter.update(second, second)
        lines.tick()
    printed = capsys.readouterr().out.splitlines()
    assert [line.split("|")[2].split(" / ")[0].strip() for line in printed] == ["30", "60", "90"]


def test_live_line_redraws_in_place_and_gives_the_terminal_back():
    clock = Clock()
    screen = io.StringIO()
    meter = ProgressMeter(Limits(env_steps=1000), clock)
    line = LiveLine(meter, Console(file=screen, force_terminal=True, width=100), clock)
    for second in range(1, 4):
        clock.now = second
        meter.update(100 * second, second)
        line.tick()
    line.say("an evaluation")
    line.close()
    text = screen.getvalue()
    assert "30.0%" in text and "an evaluation" in text
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert text.rindex(show) > text.rindex(hide)


def test_live_line_cuts_nothing_off_where_the_terminal_is_narrow():
    screen = io.StringIO()
    meter = ProgressMeter(Limits(env_steps=1_000_000), Clock())
    meter.epsilon, meter.evaluating = 0.5, "after 123,456 environment steps"
    line = LiveLine(meter, Console(file=screen, force_terminal=True, width=40), Clock())
    line.show()
    line.close()
    assert "\u2026" not in screen.getvalue() and "evaluating after 123,456 environment" in screen.getvalue()
