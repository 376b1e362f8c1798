"""A script that runs the game and sees to its end: ``game_guard.py OWNER_PID FOLDER COMMAND...``

The process that wants the game may be killed without a chance to clean up (DI-engine terminates the workers of its
subprocess manager). So a small process of its own stands between the two: when its owner is gone or it is asked to end,
it kills the game with everything that the game has started, and removes the game's folder.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

_SECONDS_BETWEEN_LOOKS = 0.2


def main(owner: int, folder: str, command: list[str]) -> int:
    """Run ``command`` while the process ``owner`` lives; returns its exit status."""
    is_asked = is_started = False

    def end(number: int, frame: object) -> None:
        nonlocal is_asked
        is_asked = True
        if is_started:
            sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)
    # Asked to end in here, it would lose a game that runs already.
    game = subprocess.Popen(command, start_new_session=True)
    try:
        is_started = True
        if is_asked:
            return 128 + signal.SIGTERM
        while game.returncode is None and os.getppid() == owner:
            with contextlib.suppress(subprocess.TimeoutExpired):
                game.wait(_SECONDS_BETWEEN_LOOKS)
        return game.returncode or 0
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(game.pid, signal.SIGKILL)
        game.wait()
        if os.getppid() != owner:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
