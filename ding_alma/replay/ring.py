"""The replay buffer of whole episodes behind DI-engine's buffer interface."""

import copy
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ding.utils import BUFFER_REGISTRY
from ding.worker.replay_buffer import IBuffer
from easydict import EasyDict

from ding_alma.atomic_file import save_atomically
from ding_alma.replay.episode import Episode
from ding_alma.replay.journal import EpisodeJournal
from ding_alma.replay.store import EpisodeStore, SampleStore, Store, TrainData
from dizoo_ext.checked_load import load_checked
from dizoo_ext.strict_config import check_block, check_range

JOURNAL_FOLDER = "replay"
"""Inside a run's folder."""
ADDED_BY_DING = ("type", "import_names", "cfg_type", "name", "instance_name")
WRITTEN_TOGETHER = 64
"""Samples of one copy to a device, of which a whole state may hold thousands."""


@BUFFER_REGISTRY.register("episode_ring")
class EpisodeRing(IBuffer):
    """Keeps the newest episodes and hands out one collated `TrainData` per call.

    Samples that are not our policies' episodes (DI-engine's own policies cut chunks) are kept and handed out as a list,
    as its ``naive`` buffer does, so that a swap of the policy needs no other buffer.

    With ``consume`` it serves policies that learn from every sample once, while it is fresh: everything held is handed
    out as a list, and gone.

    Its random stream starts from numpy's global one, which DI-engine seeds before it builds the buffer.
    """

    config: ClassVar[dict[str, Any]] = dict(
        # (int) Episodes kept, usually 1000 to 10000; the oldest is overwritten. More learn from older play, too, and
        # take more memory.
        replay_buffer_size=5000,
        # (int) Steps of a training sequence, 2 or more (ALMA reference: max_traj_len), usually 16 to 64; longer ones
        # truncate less.
        sequence_length=64,
        # (int) Also draw a batch from the episodes whose collection began at most this many environment steps ago,
        # usually 50 to 500 k; 0 draws none (ALMA reference: decay_old). A larger value lets in the play of older
        # policies.
        recent_steps=0,
        # (str) Where episodes are kept: 'cpu' or a torch device.
        device="cpu",
        # (bool) Hand out everything at once, as a list, and keep nothing (on-policy learning).
        consume=False,
        # (bool) Keep our policies' episodes in the run's folder too, so that a resumed run has them; takes as much disk
        # as memory.
        persist=True,
    )

    _store: Store | None
    """None until the first sample says of what kind it is."""
    _next: int
    """The slot that is written next."""
    _count: int

    @classmethod
    def default_config(cls) -> EasyDict:
        """A deep copy of the default config."""
        config = EasyDict(copy.deepcopy(cls.config))
        config.cfg_type = cls.__name__ + "Dict"
        return config

    def __init__(self, cfg: EasyDict, tb_logger: Any = None, exp_name: str = "", instance_name: str = "buffer") -> None:
        check_block(cfg, self.config, "policy.other.replay_buffer", ADDED_BY_DING)
        check_range(cfg.replay_buffer_size, "policy.other.replay_buffer.replay_buffer_size", 1)
        check_range(cfg.sequence_length, "policy.other.replay_buffer.sequence_length", 2)
        check_range(cfg.recent_steps, "policy.other.replay_buffer.recent_steps", 0)
        self._cfg = cfg
        self._capacity = cfg.replay_buffer_size
        self._random = np.random.default_rng(np.random.randint(2**31))
        is_kept = cfg.get("persist", self.config["persist"]) and exp_name and not cfg.consume
        self._journal = EpisodeJournal(Path(exp_name) / JOURNAL_FOLDER, self._capacity) if is_kept else None
        self.clear()

    def push(self, data: list[Episode | Any] | Episode, cur_collector_envstep: int = -1) -> None:
        """Store one sample or a list of them.

        Raises:
            ValueError: a sample would be overwritten before it was consumed.
        """
        samples = data if isinstance(data, list) else [data]
        if self._cfg.consume and self._count + len(samples) > self._capacity:
            raise ValueError(
                f"policy.other.replay_buffer.replay_buffer_size = {self._capacity} cannot hold the "
                f"{self._count + len(samples)} samples that wait to be learnt from; make it at least as large as "
                "policy.collect.n_episode"
            )
        for begin in range(0, len(samples), WRITTEN_TOGETHER):
            part = samples[begin : begin + WRITTEN_TOGETHER]
            if self._store is None:
                self._store = self._store_for(part[0])
            self._write(self._store, part)
            if self._journal is not None and isinstance(self._store, EpisodeStore):
                for sample in part:
                    self._journal.append(sample)

    def _write(self, store: Store, samples: list[Any]) -> None:
        slots = [(self._next + number) % self._capacity for number in range(len(samples))]
        store.write(slots, samples)
        self._next = (self._next + len(samples)) % self._capacity
        self._count = min(self._count + len(samples), self._capacity)

    def _store_for(self, sample: Any) -> Store:
        if not self._cfg.consume and isinstance(sample, dict) and "collected_at" in sample:
            return EpisodeStore(self._capacity, self._cfg.sequence_length, self._cfg.recent_steps, self._cfg.device)
        return SampleStore(self._capacity)

    def sample(self, batch_size: int, cur_learner_iter: int) -> TrainData | list[Any] | None:
        """Draw ``batch_size`` samples without replacement; None while there are fewer.

        With ``consume``: all samples whatever ``batch_size`` says, oldest first; None if there are none.
        """
        if self._cfg.consume:
            samples = self._samples()
            self.clear()
            return samples or None
        if self._store is None or self._count < batch_size:
            return None
        return self._store.draw(self._oldest_first(), batch_size, self._random)

    def _samples(self) -> list[Any]:
        """All that is held, oldest first."""
        return [] if self._store is None else [self._store.read(slot) for slot in self._oldest_first()]

    def _oldest_first(self) -> np.ndarray:
        return (self._next - self._count + np.arange(self._count)) % self._capacity

    def update(self, info: dict[str, list]) -> None:
        """Samples carry no priority, so there is nothing to update."""

    def clear(self) -> None:
        """Forget everything."""
        self._store = None
        self._next = 0
        self._count = 0

    def count(self) -> int:
        """Samples held."""
        return self._count

    def commit(self) -> dict[str, Any]:
        """What a checkpoint keeps for `restore`: the random stream and, where they are kept, the samples' place."""
        place = None if self._journal is None else self._journal.commit()
        return {"random": self._random.bit_generator.state, "journal": place, "samples": self._count}

    def forget(self) -> None:
        """Release the disk space of what the checkpoint with the last `commit` does not need."""
        if self._journal is not None:
            self._journal.forget()

    def restore(self, state: dict[str, Any]) -> list[str]:
        """Continue from what `commit` returned.

        Returns:
            a line about each file whose episodes are lost.

        Raises:
            ValueError: samples were held that are not kept; the random stream continues, the buffer starts empty.
        """
        self.clear()
        self._random.bit_generator.state = state["random"]
        if state["journal"] is None or self._journal is None:
            if state["samples"]:
                raise ValueError(f"its {state['samples']} samples were not kept (policy.other.replay_buffer.persist)")
            return []
        lost: list[str] = []
        try:
            for episode in self._journal.restore(state["journal"], lost.append):
                self._store = self._store or self._store_for(episode)
                self._write(self._store, [episode])
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            self.clear()
            raise ValueError(f"its episodes cannot be read: {error!r}") from error
        return lost

    def save_data(self, file_name: str) -> None:
        """Write the whole state to a file, atomically."""
        save_atomically(self.state_dict(), file_name)

    def load_data(self, file_name: str) -> None:
        """Read what `save_data` wrote. Raises a ValueError if it is damaged."""
        self.load_state_dict(load_checked(file_name))

    def state_dict(self) -> dict[str, Any]:
        """Samples from oldest to newest, and the random stream."""
        return {
            "samples": self._samples(),
            "random": self._random.bit_generator.state,
        }

    def load_state_dict(self, _state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; the newest samples win where the capacity is smaller."""
        self.clear()
        self.push(_state_dict["samples"])
        self._random.bit_generator.state = _state_dict["random"]
