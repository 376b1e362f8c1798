"""What a ring buffer's slots hold: whole episodes, or samples as DI-engine's own policies cut them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ding_alma.replay.episode import Episode, EpisodeTable
from ding_alma.replay.training_sequences import draw_sequences
from ding_alma.rl.batch import EpisodeBatch


@dataclass(frozen=True)
class TrainData:
    """What one learner iteration gets."""

    batch: EpisodeBatch
    """Drawn from the whole buffer."""
    recent: EpisodeBatch | None
    """Drawn from recent episodes alone; None while there are too few, or where nobody asks for it."""
    env_step: int
    """Environment steps collected so far."""


class Store(ABC):
    """Slots that are written one by one and drawn from many at a time."""

    @abstractmethod
    def write(self, slots: Sequence[int], samples: Sequence[Any]) -> None:
        """Put samples into slots, over whatever was there; the last one stays where a slot occurs twice."""

    @abstractmethod
    def read(self, slot: int) -> Any:
        """The sample in a slot."""

    @abstractmethod
    def draw(self, slots: np.ndarray, size: int, random: np.random.Generator) -> Any:
        """Training data from ``size`` of the filled ``slots`` (oldest first), without replacement."""


class EpisodeStore(Store):
    """Whole episodes in preallocated arrays; draws one collated `TrainData`.

    Args:
        sequence_length: steps of a training sequence.
        recent_steps: age limit of the batch of recent episodes in environment steps, 0 for none.
    """

    def __init__(self, capacity: int, sequence_length: int, recent_steps: int, device: torch.device | str) -> None:
        self._table = EpisodeTable(capacity, device)
        self._sequence_length = sequence_length
        self._recent_steps = recent_steps
        self._newest_collection = -1
        self._steps_since = 0

    def write(self, slots: Sequence[int], samples: Sequence[Episode]) -> None:
        self._table.write(slots, samples)
        for sample in samples:
            if sample["collected_at"] != self._newest_collection:
                self._newest_collection, self._steps_since = int(sample["collected_at"]), 0
            self._steps_since += int(sample["length"])

    def read(self, slot: int) -> Episode:
        return self._table.read(slot)

    def draw(self, slots: np.ndarray, size: int, random: np.random.Generator) -> TrainData:
        env_step = self._newest_collection + self._steps_since
        batch = self._cut(slots, size, random)
        recent = None
        if self._recent_steps:
            young = slots[env_step - self._table.collected_at[slots] <= self._recent_steps]
            if len(young) >= size:
                recent = self._cut(young, size, random)
        return TrainData(batch, recent, env_step)

    def _cut(self, slots: np.ndarray, size: int, random: np.random.Generator) -> EpisodeBatch:
        drawn = random.choice(slots, size, replace=False)
        rows = draw_sequences(self._table.lengths[drawn] + 1, self._sequence_length, random.random(size))
        return self._table.batch(drawn, rows)


class SampleStore(Store):
    """Anything, kept as it is; draws a list. DI-engine's own policies push and read such samples."""

    def __init__(self, capacity: int) -> None:
        self._samples: list[Any] = [None] * capacity

    def write(self, slots: Sequence[int], samples: Sequence[Any]) -> None:
        for slot, sample in zip(slots, samples, strict=True):
            self._samples[slot] = sample

    def read(self, slot: int) -> Any:
        return self._samples[slot]

    def draw(self, slots: np.ndarray, size: int, random: np.random.Generator) -> list[Any]:
        return [self._samples[slot] for slot in random.choice(slots, size, replace=False)]
