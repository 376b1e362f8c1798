"""Ctrl-C before a run listens to signals: no traceback, and the status that shells expect."""

import shutil
import signal
import subprocess
import sys
import textwrap

import pytest
from click.testing import CliRunner

from ding_alma.cli import compare, start
from ding_alma.cli.main import main


@pytest.fixture(autouse=True)
def interrupts_are_not_ignored():
    """Shells make background jobs ignore them, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_command_that_is_interrupted_ends_with_the_signal_s_status(monkeypatch, tmp_path):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "read_groups", interrupted)
    done = CliRunner().invoke(main, ["compare", str(tmp_path), "-o", str(tmp_path / "out")])
    assert done.exit_code == 128 + signal.SIGINT, (done.exit_code, done.exception)
    assert "Aborted" not in done.output


def write_main(folder, text):
    """The start of the command, with other imports than its own."""
    package = folder / "ding_alma" / "cli"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    shutil.copy(start.__file__, package / "start.py")
    (package / "main.py").write_text(text)


def test_an_interrupt_during_the_imports_shows_no_traceback(tmp_path):
    write_main(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from ding_alma.cli import start; start.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGINT, done
    assert done.stderr == ""


@pytest.mark.parametrize("ignored", [False, True])
def test_after_the_imports_signals_mean_what_they_did(tmp_path, ignored):
    write_main(
        tmp_path,
        "import signal\nduring = signal.getsignal(signal.SIGINT)\n"
        "def main(): print(during, signal.getsignal(signal.SIGINT), sep='\\n')\n",
    )
    code = f"""
        import signal, sys
        sys.path.insert(0, {str(tmp_path)!r})
        if {ignored}: signal.signal(signal.SIGINT, signal.SIG_IGN)
        before = signal.getsignal(signal.SIGINT)
        from ding_alma.cli import start
        start.main()
        assert signal.getsignal(signal.SIGINT) is before
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == str(signal.SIG_IGN if ignored else signal.SIG_DFL)
