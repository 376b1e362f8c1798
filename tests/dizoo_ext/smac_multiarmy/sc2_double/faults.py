"""What the double does wrong on purpose, told by environment variables ``SC2_DOUBLE_<FIELD>``."""

import os
import sys
import time
from pathlib import Path

from s2clientprotocol import sc2api_pb2

LAUNCHES = "launches.txt"
"""A file in the game's folder with a line of process id and arguments for every launch."""


class Faults:
    """The switches, and the counts that set them off; a launch number above ``FAULTY_LAUNCHES`` plays fair.

    DIE_AFTER_STEPS, HANG_AFTER_STEPS: step requests answered before the end.
    ERROR_AT_REQUEST, NONSENSE_AT_REQUEST, WRONG_NAME_AT_REQUEST: the request (1 is the first) answered with an error
    text, with bytes that are no response, with another response.
    REQUEST_SECONDS: how long every answer takes. START_SECONDS: how long it takes to listen.
    CONTROL: 'set' (asking for control of the enemies gives it), 'toggle' (asking again takes it away), 'inverted'
    (toggle, and given from the start).
    FIRST_RL_ID: id of the first of the map's own units. NAMELESS: 1 for a catalogue without their names.
    LATE_UNITS: observations after a spawn that lack a unit.
    STILL: 1 for units that stand where they were put and do nothing, which is much faster to launch.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / LAUNCHES
        with path.open("a") as file:
            file.write(f"{os.getpid()} {' '.join(sys.argv[1:])}\n")
        pids = [line.split()[0] for line in path.read_text().splitlines()]
        # By the own line, not by how many there are: two launches at once would both see two.
        launch = pids.index(str(os.getpid())) + 1
        is_faulty = launch <= _number("FAULTY_LAUNCHES", 1_000_000)
        self._die_after_steps = _number("DIE_AFTER_STEPS", -1) if is_faulty else -1
        self._hang_after_steps = _number("HANG_AFTER_STEPS", -1) if is_faulty else -1
        self._answers = (
            {
                _number("ERROR_AT_REQUEST", 0): self._error,
                _number("NONSENSE_AT_REQUEST", 0): lambda request, status: b"\xff nonsense",
                _number("WRONG_NAME_AT_REQUEST", 0): self._wrong_name,
            }
            if is_faulty
            else {}
        )
        self._seconds = float(os.environ.get("SC2_DOUBLE_REQUEST_SECONDS", 0))
        self.start_seconds = float(os.environ.get("SC2_DOUBLE_START_SECONDS", 0)) if is_faulty else 0
        self.control = os.environ.get("SC2_DOUBLE_CONTROL", "set")
        self.first_rl_id = _number("FIRST_RL_ID", 1935)
        self.is_nameless = _number("NAMELESS", 0) == 1
        self.late_units = _number("LATE_UNITS", 0)
        self.is_still = _number("STILL", 0) == 1
        self._requests = self._steps = 0

    def before(self, request: sc2api_pb2.Request) -> None:
        """Die or hang, if it is time to."""
        time.sleep(self._seconds)
        self._requests += 1
        if request.WhichOneof("request") == "step":
            if self._steps == self._die_after_steps:
                os._exit(1)
            while self._steps == self._hang_after_steps:
                time.sleep(1000)
            self._steps += 1

    def instead_of(self, request: sc2api_pb2.Request, status: int) -> sc2api_pb2.Response | bytes | None:
        """A bad answer, if it is time for one."""
        answer = self._answers.get(self._requests)
        return answer and answer(request, status)

    @staticmethod
    def _error(request: sc2api_pb2.Request, status: int) -> sc2api_pb2.Response:
        return sc2api_pb2.Response(id=request.id, status=status, error=["out of memory"])

    @staticmethod
    def _wrong_name(request: sc2api_pb2.Request, status: int) -> sc2api_pb2.Response:
        return sc2api_pb2.Response(id=request.id, status=status, available_maps=sc2api_pb2.ResponseAvailableMaps())


def _number(name: str, default: int) -> int:
    return int(os.environ.get(f"SC2_DOUBLE_{name}", default))
