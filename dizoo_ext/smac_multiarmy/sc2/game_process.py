"""The process of one StarCraft II."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

from dizoo_ext.smac_multiarmy.sc2 import game_guard
from dizoo_ext.starcraft_files import working_folder

HOST = "127.0.0.1"
_QUIT_SECONDS = 2.0
_END_SECONDS = 30.0
"""How long the guard may take to end the game; a guard that is killed leaves it behind."""
_LOG_CHARACTERS = 2000


class GameProcess:
    """A running game that listens on a port of this machine.

    It ends at `close`, when the object is garbage, at the interpreter's exit and, except on Windows, with the process
    that started it, however that ends.
    """

    def __init__(self, executable: Path, folder: Path, data_version: str | None) -> None:
        """Start the game.

        Args:
            executable: the game's program.
            folder: the game's folder (``SC2PATH``).
            data_version: the hash that old versions of the game want to be told.
        """
        self.port = _free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="sc2-"))
        self._log = self._folder / "game.log"
        command = [
            *(str(executable), "-listen", HOST, "-port", str(self.port)),
            *("-dataDir", f"{folder}{os.sep}", "-tempDir", f"{self._folder}{os.sep}"),
        ]
        if sys.platform != "linux":
            command += ["-displayMode", "0"]
        if data_version is not None:
            command += ["-dataVersion", data_version]
        if os.name == "posix":
            guard = [sys.executable, "-I", "-S", game_guard.__file__, str(os.getpid()), str(self._folder)]
            command = [*guard, *command]
        libraries = os.pathsep.join(filter(None, [os.environ.get("LD_LIBRARY_PATH"), f"{folder}/Libs/"]))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=working_folder(folder),
                env={**os.environ, "LD_LIBRARY_PATH": libraries},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._end = weakref.finalize(self, _end, os.getpid(), self._process, self._folder)

    @property
    def running(self) -> bool:
        """Whether the game has not ended."""
        return self._process.poll() is None

    def last_words(self) -> str:
        """The end of what the game has printed."""
        return self._log.read_text(errors="replace")[-_LOG_CHARACTERS:].strip() if self._log.exists() else ""

    def wait_for_quit(self) -> None:
        """Give a game that was asked to quit a moment for it."""
        try:
            self._process.wait(_QUIT_SECONDS)
        except subprocess.TimeoutExpired:
            return

    def close(self) -> None:
        """End the game, with all that it has started, and remove its files. Only the first call counts."""
        self._end()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def _end(owner: int, process: subprocess.Popen, folder: Path) -> None:
    # A forked process inherits the object, but not the game.
    if os.getpid() != owner:
        return
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)
