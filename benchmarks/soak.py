"""Train for a long time and see that neither memory nor files grow.

``python benchmarks/soak.py --minutes 60`` trains the small SaveTheCity config with a buffer that fills early, and
prints the slope of the process's memory over the second half and what the run's folder came to hold.
"""

import argparse
import contextlib
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import torch
from ding.config import read_config
from ding.entry import serial_pipeline
from ding.worker.learner.learner_hook import LearnerHook, register_learner_hook
from easydict import EasyDict

CONFIG = Path(__file__).parents[1] / "configs" / "small" / "save_the_city_alma_config.py"
GROWING = ("ckpt", "log")
"""Folders of a run that are meant to grow."""


class Enough(BaseException):
    """The time is over; no library takes it for an error of its own."""


class Meter:
    """Measures the process's memory and the run's files, at equal distances in time."""

    def __init__(self, folder: Path, minutes: float, samples: int = 120) -> None:
        self._folder, self._seconds = folder, 60 * minutes
        self._distance = self._seconds / samples
        self._begun = time.monotonic()
        self.rows: list[tuple[float, float, float]] = []
        """Minutes, MiB of resident memory, MiB of files outside `GROWING`."""

    def look(self) -> None:
        """To be called often. Raises `Enough` when the time is over."""
        passed = time.monotonic() - self._begun
        if passed >= len(self.rows) * self._distance:
            memory = psutil.Process().memory_info().rss / 2**20
            files = sum(size for name, size in sizes(self._folder).items() if name not in GROWING)
            self.rows.append((passed / 60, memory, files))
        if passed > self._seconds:
            raise Enough

    def report(self) -> None:
        """Print the slopes over the second half of the time."""
        late = np.array(self.rows[len(self.rows) // 2 :])
        print(f"{'minutes':>8} {'memory MiB':>11} {'files MiB':>10}")
        for minutes, memory, files in self.rows[:: max(len(self.rows) // 12, 1)]:
            print(f"{minutes:8.1f} {memory:11.1f} {files:10.2f}")
        for name, column in (("memory", 1), ("files beside checkpoints and logs", 2)):
            slope = np.polyfit(late[:, 0], late[:, column], 1)[0] * 60
            print(f"{name}: {slope:+.2f} MiB per hour over the last {late[-1, 0] - late[0, 0]:.1f} minutes")
        for name, size in sizes(self._folder).items():
            print(f"  {name}: {size:.2f} MiB")
        print(f"threads: {threading.active_count()}, child processes: {len(psutil.Process().children())}")


def sizes(folder: Path) -> dict[str, float]:
    """MiB of every entry of a folder."""
    found = {}
    for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
        files = entry.rglob("*") if entry.is_dir() else [entry]
        found[entry.name] = sum(file.stat().st_size for file in files if file.is_file()) / 2**20
    return found


def soak(main: EasyDict, create: EasyDict, minutes: float) -> Meter:
    """Train in the present folder until the time is over."""
    meter = Meter(Path(main.exp_name), minutes)

    class SoakHook(LearnerHook):
        """Looks after every iteration of the learner."""

        def __call__(self, engine: object) -> None:
            """Look."""
            meter.look()

    register_learner_hook("soak", SoakHook)
    main.policy.learn.learner.hook.soak = EasyDict(type="soak", name="soak", position="after_iter", priority=100)
    with contextlib.suppress(Enough):
        serial_pipeline((main, create), seed=0)
    return meter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--buffer", type=int, default=500, help="episodes in the replay buffer")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    main_config, create_config = read_config(str(options.config.absolute()))
    main_config.policy.other.setdefault("replay_buffer", EasyDict()).replay_buffer_size = options.buffer
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        main_config.exp_name = "soak"
        soak(main_config, create_config, options.minutes).report()
        os.chdir("/")


if __name__ == "__main__":
    main()
