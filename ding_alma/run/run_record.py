"""The evaluations of a run as one JSON file in its folder."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ding_alma.atomic_file import write_json_atomically
from ding_alma.monitor.evaluation import Evaluation
from ding_alma.run.machine import command_line, describe_machine, describe_versions
from ding_alma.run.plain_values import finite_or_none
from ding_alma.run.run_error import RunError
from dizoo_ext.checked_json import read_checked_json, with_checksum

RECORD_NAME = "evaluations.json"
REACHED_NAME = "reached.json"
REACHED_SECONDS = 10.0
"""Time between two notes of how far a run is."""


class RunRecord:
    """Appends evaluations to a file that survives crashes and goes on after a resume.

    ``wall_seconds`` counts from the start of the run, over all its parts: a resumed part goes on where the last
    evaluation kept stands.
    """

    def __init__(
        self,
        path: str | Path,
        header: dict[str, Any],
        env_step: int = 0,
        train_iter: int = 0,
        is_resumed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin a file, or go on with the one that is there.

        Args:
            header: facts about the run, kept from the file where it goes on.
            env_step: environment steps at the start of this part, > 0 when resumed. Evaluations behind it are dropped:
                they belong to the continuation that this one replaces.
            train_iter: learner iterations at the start of this part.
            is_resumed: go on with the file, even from before the first iteration.

        Raises:
            RunError: the file is there but damaged.
        """
        self._path = Path(path)
        self._clock = clock
        self._record = {**header, "parts": [], "evaluations": []}
        goes_on = is_resumed or train_iter > 0
        if goes_on and not self._path.exists():
            logging.warning(f"{self._path} is missing: the record of evaluations begins anew")
        elif goes_on:
            self._record = read_record(self._path)
            self._keep(lambda point: point["env_step"] <= env_step)
        points = self._record["evaluations"]
        self._wall_before = points[-1]["wall_seconds"] if points else 0.0
        self._start = clock()
        self._record["parts"].append(
            {
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "env_step": env_step,
                "train_iter": train_iter,
                "wall_seconds": self._wall_before,
                "command": command_line(),
                "machine": describe_machine(),
                "versions": describe_versions(),
            }
        )
        self._write()

    def add(self, evaluation: Evaluation) -> None:
        """Append one evaluation, in place of one at the same env step; NaN is kept as null."""
        self._keep(lambda point: point["env_step"] != evaluation.env_step)
        self._record["evaluations"].append(
            {
                "env_step": evaluation.env_step,
                "train_iter": evaluation.train_iter,
                "wall_seconds": round(self._wall_before + self._clock() - self._start, 3),
                "metrics": {name: finite_or_none(value) for name, value in evaluation.metrics.items()},
                "training": {name: finite_or_none(value) for name, value in evaluation.training.items()},
            }
        )
        self._write()

    def _write(self) -> None:
        write_json_atomically(with_checksum(self._record), self._path)

    def _keep(self, condition: Callable[[dict[str, Any]], bool]) -> None:
        self._record["evaluations"] = [point for point in self._record["evaluations"] if condition(point)]


class Reached:
    """How far a run has come, whatever its last checkpoint holds: what a resumed run says of the steps it has lost."""

    def __init__(self, folder: str | Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = Path(folder) / REACHED_NAME
        self._clock = clock
        self._noted = clock()

    def note(self, env_step: int, at_once: bool = False) -> None:
        """Write the environment steps down, ``at_once`` or if that was last done `REACHED_SECONDS` ago."""
        if at_once or self._clock() - self._noted >= REACHED_SECONDS:
            self._noted = self._clock()
            write_json_atomically({"env_step": env_step}, self._path)

    def read(self) -> int:
        """The environment steps last written down; 0 if there are none."""
        try:
            return int(json.loads(self._path.read_text(encoding="utf-8"))["env_step"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0


def read_record(path: str | Path) -> dict[str, Any]:
    """Read a run's evaluations.

    Args:
        path: a `RECORD_NAME` file or the folder that holds it.

    Raises:
        RunError: no such file, or a damaged one.
    """
    path = Path(path)
    path = path / RECORD_NAME if path.is_dir() else path
    try:
        record = read_checked_json(path)
        if not isinstance(record["evaluations"], list) or not isinstance(record["parts"], list):
            raise ValueError("evaluations and parts must be lists")
    except FileNotFoundError:
        raise RunError(f"{path} is missing; is this the folder of a run with the run_record hook?") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{path} is damaged ({type(error).__name__}: {error}); move it away to begin a new record"
        ) from error
    return record
