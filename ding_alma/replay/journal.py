"""Episodes on disk, in the order of their collection, so that a resumed run has its replay buffer again."""

import json
import os
import struct
from collections.abc import Iterator
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
_NUMBERS = struct.Struct("<qq")
"""A record's head: ``length`` and ``collected_at``."""


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
        self._fields: list[tuple[str, str, list[int]]] = []
        self._first = self._count = self._committed = 0

    def append(self, episode: Episode) -> None:
        """Write one episode. Raises an OSError that says what to do if the disk is full."""
        if self._file is None or self._count - self._first >= max(self._capacity // SEGMENTS, 1):
            self._begin_file(episode)
        parts = [episode[key].numpy() for key, _, _ in self._fields]
        with writing(self._file.name):
            self._file.write(_NUMBERS.pack(int(episode["length"]), int(episode["collected_at"])))
            self._file.writelines(memoryview(np.ascontiguousarray(part)).cast("B") for part in parts)
        self._count += 1

    def commit(self) -> dict[str, int]:
        """Make everything durable; returns the place for `restore`: ``episodes`` so far, and ``bytes`` of the file."""
        self._committed = self._count
        if self._file is None:
            return {"episodes": self._count, "bytes": 0}
        self._sync()
        return {"episodes": self._count, "bytes": self._file.tell()}

    def forget(self) -> None:
        """Delete the files that no checkpoint needs any more, once the one of the last `commit` is written."""
        files = self._files()
        for first, following in pairwise(files):
            if following <= self._committed - self._capacity:
                self._path(first).unlink()

    def restore(self, place: dict[str, int]) -> Iterator[Episode]:
        """The newest episodes up to ``place``, oldest first; the next one appended comes behind them.

        Raises:
            ValueError: the files do not hold them.
        """
        total, wanted = place["episodes"], max(place["episodes"] - self._capacity, 0)
        files = [first for first in self._files() if first < total]
        if total and (not files or files[0] > wanted):
            raise ValueError(f"{self._folder} does not hold episodes {wanted} to {total - 1}")
        for first, following in pairwise([*files, total]):
            if following > wanted:
                yield from self._read(first, following, wanted, place["bytes"] if following == total else None)
        self._go_on(files, place)

    def _go_on(self, files: list[int], place: dict[str, int]) -> None:
        for first in self._files():
            if first not in files:
                self._path(first).unlink()
        self._count = self._committed = place["episodes"]
        if files:
            self._first = files[-1]
            self._file = open(self._path(self._first), "r+b")  # noqa: SIM115
            self._file.truncate(place["bytes"])
            self._file.seek(place["bytes"])

    def _read(self, first: int, following: int, wanted: int, size: int | None) -> Iterator[Episode]:
        path = self._path(first)
        data = np.memmap(path, np.uint8, "r")
        end = len(data) if size is None else size
        if end > len(data):
            raise ValueError(f"{path} has {len(data)} bytes, the checkpoint knows of {end}")
        with open(path, "rb") as file:
            head = file.readline()
        self._fields = [tuple(field) for field in json.loads(head)]
        at = len(head)
        for number in range(first, following):
            length, collected_at = _NUMBERS.unpack(data[at : at + _NUMBERS.size].tobytes())
            at += _NUMBERS.size
            episode: Episode = {"length": length, "collected_at": collected_at}
            for key, dtype, shape in self._fields:
                count = (length + 1) * int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
                if number >= wanted:
                    array = data[at : at + count].copy().view(dtype).reshape(length + 1, *shape)
                    episode[key] = torch.from_numpy(array)
                at += count
            if number >= wanted:
                yield episode
        if at != end:
            raise ValueError(f"{path} does not end with a whole episode at byte {end}, but at {at}")

    def _begin_file(self, episode: Episode) -> None:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            for first in self._files():
                self._path(first).unlink()
        else:
            # A commit syncs the newest file alone.
            self._sync()
            self._file.close()
        arrays = {key: value.numpy() for key, value in episode.items() if key not in ("length", "collected_at")}
        self._fields = [(key, array.dtype.str, list(array.shape[1:])) for key, array in arrays.items()]
        self._first = self._count
        path = self._path(self._first)
        with writing(path):
            self._file = open(path, "wb")  # noqa: SIM115
            self._file.write(json.dumps(self._fields).encode() + b"\n")

    def _sync(self) -> None:
        with writing(self._file.name):
            self._file.flush()
            os.fsync(self._file.fileno())

    def _files(self) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob(f"*{SUFFIX}"))

    def _path(self, first: int) -> Path:
        return self._folder / f"{first:012d}{SUFFIX}"
