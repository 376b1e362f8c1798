"""The protocol double, put where a StarCraft II is expected."""

import os
import signal
import sys
import time
from pathlib import Path

SERVER = Path(__file__).parent.parent / "sc2_double" / "server.py"
BUILD = 69232


class InstalledDouble:
    """A folder that looks like that of the game; every launch and every running process of it can be seen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.map_file = folder / "Maps" / "SMAC_Maps" / "empty_passive.SC2Map"
        self.map_file.parent.mkdir(parents=True)
        self.map_file.write_text("32 32")
        self.add_build(BUILD)

    def add_build(self, build: int) -> None:
        """Install one more version of the game."""
        script = self.program(build)
        script.parent.mkdir(parents=True)
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{SERVER}" "$@"\n')
        script.chmod(0o755)

    def program(self, build: int) -> Path:
        """The executable of a version."""
        return self.folder / "Versions" / f"Base{build:05d}" / "SC2_x64"

    @property
    def launches(self) -> list[list[str]]:
        """Process id and arguments of every launch so far."""
        path = self.folder / "launches.txt"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def processes(self) -> dict[int, str]:
        """Process id -> command line of all living processes of this folder's game, guards included."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(self.folder) in command:
                found[int(path.parent.name)] = command
        return found

    def games(self) -> list[int]:
        """Process ids of the living games."""
        return [pid for pid, command in self.processes().items() if "game_guard.py" not in command]

    def signal_games(self, number: signal.Signals) -> None:
        """Kill or stop every living game, and wait until none of its threads runs: signals arrive later than sent."""
        games = self.games()
        for pid in games:
            os.kill(pid, number)
        while any(_runs(pid) for pid in games):
            time.sleep(0.01)

    def wait_until_gone(self, seconds: float = 30.0) -> dict[int, str]:
        """Wait until no process is left; returns those that are."""
        end = time.monotonic() + seconds
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.05)
        return left


def _runs(pid: int) -> bool:
    """Whether a thread of the process is neither stopped (T) nor dead (Z, X)."""
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        try:
            state = stat.read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in "TZX":
            return True
    return False
