"""Episodes on disk, in the order of their collection, so that a resumed run has its replay buffer again."""

import json
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch

from ding_alma.atomic_file import writing
from ding_alma.replay.episode import Episode

SUFFIX = ".episodes"
SEGMENTS = 8
"""Files that a full buffer is spread over: one of them more is what the disk holds beyond the buffer."""
FORMAT = 2
"""1 had no checksums."""
_NUMBERS = struct.Struct("<qq")
"""A record begins with ``length`` and ``collected_at``, ..."""
_CHECKSUM = struct.Struct("<I")
"""... and the checksum of the file's first line, these numbers and the arrays."""
_HEAD = _NUMBERS.size + _CHECKSUM.size


class EpisodeJournal:
    """Files that episodes are appended to, and that nothing else changes until the run is resumed.

    A checkpoint keeps what `commit` returned. Because later episodes only ever follow behind that place, a process may
    die at any moment, in the middle of a write too: `restore` reads up to the place and cuts off what is behind it.

    A file is named by the number of its first episode, since the start of the run. It holds a line of JSON (key, type
    and shape of every step array) and records of a head and the arrays' bytes.

    Args:
        folder: of the files; made at the first append, which deletes files that were not restored.
        capacity: newest episodes that a checkpoint needs.
    """

    def __init__(self, folder: str | Path, capacity: int) -> None:
        self._folder = Path(folder)
        self._capacity = capacity
        self._file: BinaryIO | None = None
        self._layout = Layout(b"", ())
        self._first = self._count = self._committed = 0
        self._is_restored = False

    def append(self, episode: Episode) -> None:
        """Write one episode. Raises an OSError that says what to do if the disk is full."""
        file = self._file
        if file is None or self._count - self._first >= max(self._capacity // SEGMENTS, 1):
            file = self._begin_file(episode)
        numbers = _NUMBERS.pack(int(episode["length"]), int(episode["collected_at"]))
        parts = [np.ascontiguousarray(torch.as_tensor(episode[key]).numpy()) for key, _, _ in self._layout.fields]
        buffers = [part.data.cast("B") for part in parts]
        with writing(file.name):
            file.write(numbers + _CHECKSUM.pack(self._layout.checksum(numbers, *buffers)))
            file.writelines(buffers)
        self._count += 1

    def commit(self) -> dict[str, int]:
        """Make everything durable; returns the place for `restore`.

        ``episodes`` so far, the newest ``file`` (by its first episode), and ``bytes`` of it.
        """
        self._committed = self._count
        if self._file is None:
            return {"episodes": self._count, "file": self._count, "bytes": 0}
        _sync(self._file)
        return {"episodes": self._count, "file": self._first, "bytes": self._file.tell()}

    def forget(self) -> None:
        """Delete the files that no checkpoint needs any more, once the one of the last `commit` is written."""
        files = self._files()
        for first, following in pairwise(files):
            if following <= self._committed - self._capacity:
                self._path(first).unlink()

    def restore(self, place: dict[str, int], say: Callable[[str], None]) -> Iterator[Episode]:
        """The newest episodes up to ``place``, oldest first; the next one appended comes behind them.

        A file that is missing or damaged costs its own episodes.

        Args:
            say: receives a line about each of them.
        """
        total, wanted = place["episodes"], max(place["episodes"] - self._capacity, 0)
        expected, newest = wanted, None
        files = [first for first in self._files() if first < total]
        for first, following in pairwise([*files, total]):
            if following <= wanted:
                continue
            if first > expected:
                say(self._missing(expected, first, wanted))
            is_newest = first == place.get("file")
            try:
                layout, records = read_file(self._path(first), place["bytes"] if is_newest else None)
                if len(records) > following - first:
                    raise ValueError(
                        f"it holds {len(records)} episodes, the next file begins after {following - first}"
                    )
            except (OSError, ValueError) as error:
                say(f"{self._path(first)} is damaged, its episodes {first} to {following - 1} are lost: {error}")
                expected = following
                continue
            expected = first + len(records)
            newest = layout if is_newest and expected == total else None
            for record in records[max(wanted - first, 0) :]:
                yield layout.episode(*record)
        if expected < total:
            say(self._missing(expected, total, wanted))
        self._go_on(place, newest)

    def _missing(self, first: int, following: int, wanted: int) -> str:
        where = self._path(first) if first > wanted else self._folder
        return f"{where} is missing or cut short, episodes {first} to {following - 1} are lost"

    def _go_on(self, place: dict[str, int], layout: "Layout | None") -> None:
        """Args: layout, of the newest file; None begins another one."""
        for first in self._files():
            if first >= place["episodes"]:
                self._path(first).unlink()
        self._is_restored = True
        self._count = self._committed = place["episodes"]
        if layout is not None:
            self._first, self._layout = place["file"], layout
            self._file = open(self._path(self._first), "r+b")  # noqa: SIM115
            self._file.truncate(place["bytes"])
            self._file.seek(place["bytes"])

    def _begin_file(self, episode: Episode) -> BinaryIO:
        if self._file is not None:
            # A commit syncs the newest file alone.
            _sync(self._file)
            self._file.close()
        elif not self._is_restored:
            self._folder.mkdir(parents=True, exist_ok=True)
            for first in self._files():
                self._path(first).unlink()
        self._layout = Layout.of(episode)
        self._first = self._count
        path = self._path(self._first)
        with writing(path):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "wb")  # noqa: SIM115
            self._file.write(self._layout.line)
        return self._file

    def _files(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob(f"*{SUFFIX}") if path.stem.isdecimal())

    def _path(self, first: int) -> Path:
        return self._folder / f"{first:012d}{SUFFIX}"


def _sync(file: BinaryIO) -> None:
    with writing(file.name):
        file.flush()
        os.fsync(file.fileno())


@dataclass(frozen=True)
class Layout:
    """How a file keeps an episode."""

    line: bytes
    """The file's first."""
    fields: tuple[tuple[str, np.dtype, tuple[int, ...]], ...]
    """Key, type and shape of a step, of every step array."""

    @classmethod
    def of(cls, episode: Episode) -> "Layout":
        """The layout of files for such episodes."""
        steps = {key: torch.as_tensor(value) for key, value in episode.items() if key not in ("length", "collected_at")}
        arrays = {key: value.numpy() for key, value in steps.items()}
        fields = tuple((key, array.dtype, array.shape[1:]) for key, array in arrays.items())
        plain = [[key, dtype.str, list(shape)] for key, dtype, shape in fields]
        return cls(json.dumps({"format": FORMAT, "fields": plain}).encode() + b"\n", fields)

    @classmethod
    def parse(cls, line: bytes) -> "Layout":
        """Read a file's first line. Raises a ValueError if it is damaged or of another version."""
        try:
            head = json.loads(line)
            if head["format"] != FORMAT:
                raise ValueError(f"format {head['format']}, expected {FORMAT}")
            fields = tuple((str(key), np.dtype(dtype), tuple(shape)) for key, dtype, shape in head["fields"])
            if any(dtype.kind not in "biuf" for _, dtype, _ in fields):
                raise ValueError("arrays of other things than numbers")
            if any(type(size) is not int or size < 0 for _, _, shape in fields for size in shape):
                raise ValueError("shapes of other things than sizes")
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"its first line is not that of this version ({error!r})") from error
        return cls(line, fields)

    def checksum(self, *buffers: bytes | memoryview) -> int:
        """Of the first line and what follows."""
        value = zlib.crc32(self.line)
        for buffer in buffers:
            value = zlib.crc32(buffer, value)
        return value

    @property
    def step_bytes(self) -> int:
        """Bytes of a step's arrays."""
        return sum(dtype.itemsize * math.prod(shape) for _, dtype, shape in self.fields)

    def episode(self, length: int, collected_at: int, data: np.ndarray) -> Episode:
        """A copy of an episode whose arrays are ``data``, one behind the other."""
        episode: Episode = {"length": length, "collected_at": collected_at}
        at = 0
        for key, dtype, shape in self.fields:
            size = (length + 1) * dtype.itemsize * math.prod(shape)
            array = data[at : at + size].copy().view(dtype).reshape(length + 1, *shape)
            episode[key] = torch.from_numpy(array)
            at += size
        return episode


def read_file(path: Path, size: int | None) -> tuple[Layout, list[tuple[int, int, np.ndarray]]]:
    """The records of a file: ``length``, ``collected_at`` and the bytes of the arrays, not in memory yet.

    Args:
        size: bytes to read; None reads to the end.

    Raises:
        ValueError: it is damaged.
    """
    data = np.memmap(path, np.uint8, "r")
    end = len(data) if size is None else size
    if end > len(data):
        raise ValueError(f"it has {len(data)} bytes, the checkpoint knows of {end}")
    with open(path, "rb") as file:
        layout = Layout.parse(file.readline())
    records: list[tuple[int, int, np.ndarray]] = []
    at = len(layout.line)
    while at < end:
        start = at + _HEAD
        numbers, checksum = data[at : at + _NUMBERS.size].tobytes(), data[at + _NUMBERS.size : start].tobytes()
        length, collected_at = _NUMBERS.unpack(numbers) if start <= end else (0, 0)
        stop = start + (length + 1) * layout.step_bytes
        if stop > end or length < 0:
            raise ValueError(f"it does not end with a whole episode at byte {end}")
        if _CHECKSUM.unpack(checksum) != (layout.checksum(numbers, data[start:stop].data),):
            raise ValueError(f"the checksum of its episode {len(records)} is wrong")
        records.append((length, collected_at, data[start:stop]))
        at = stop
    return layout, records
