"""The replay buffer of whole episodes behind DI-engine's buffer interface."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ding.utils import BUFFER_REGISTRY
from ding.worker.replay_buffer import IBuffer
from easydict import EasyDict

from ding_alma.replay.checkpoint import save_atomically
from ding_alma.replay.episode import Episode, EpisodeTable
from ding_alma.replay.windows import draw_rows
from ding_alma.rl.batch import EpisodeBatch
from dizoo_ext.strict_config import check_block, check_range

ADDED_BY_DING = ("type", "import_names", "cfg_type", "name", "instance_name")


@dataclass(frozen=True)
class TrainData:
    """What one learner iteration gets."""

    batch: EpisodeBatch
    """Drawn from the whole buffer."""
    recent: EpisodeBatch | None
    """Drawn from recent episodes alone; None while there are too few, or where nobody asks for it."""
    env_step: int
    """Environment steps collected so far."""


@BUFFER_REGISTRY.register("episode_ring")
class EpisodeRing(IBuffer):
    """Keeps the newest episodes and hands out one collated `TrainData` per call.

    Its random stream starts from numpy's global one, which DI-engine seeds before it builds the buffer.
    """

    config = dict(
        # (int) Episodes kept; the oldest is overwritten.
        replay_buffer_size=5000,
        # (int) Steps of a training row, in 2 or more (ALMA reference: max_traj_len).
        window=64,
        # (int) Also draw a batch from the episodes whose collection began at most this many environment steps ago;
        # 0 draws none (ALMA reference: decay_old).
        recent_steps=0,
        # (str) Where episodes are kept: 'cpu' or a torch device.
        device="cpu",
    )

    @classmethod
    def default_config(cls) -> EasyDict:
        """A deep copy of the default config."""
        config = EasyDict(copy.deepcopy(cls.config))
        config.cfg_type = cls.__name__ + "Dict"
        return config

    def __init__(self, cfg: EasyDict, tb_logger=None, exp_name: str = "", instance_name: str = "buffer") -> None:
        check_block(cfg, self.config, "policy.other.replay_buffer", ADDED_BY_DING)
        check_range(cfg.replay_buffer_size, "policy.other.replay_buffer.replay_buffer_size", 1)
        check_range(cfg.window, "policy.other.replay_buffer.window", 2)
        check_range(cfg.recent_steps, "policy.other.replay_buffer.recent_steps", 0)
        self._cfg = cfg
        self._random = np.random.default_rng(np.random.randint(2**31))
        self.clear()

    def push(self, data: list[Episode] | Episode, cur_collector_envstep: int = -1) -> None:
        """Store one episode or a list of them."""
        for episode in data if isinstance(data, list) else [data]:
            self._table.write(self._next, episode)
            self._next = (self._next + 1) % self._table.capacity
            self._count = min(self._count + 1, self._table.capacity)
            if episode["collected_at"] != self._collected_at:
                self._collected_at, self._collected_since = int(episode["collected_at"]), 0
            self._collected_since += int(episode["length"])

    def sample(self, batch_size: int, cur_learner_iter: int) -> TrainData | None:
        """Draw ``batch_size`` episodes without replacement and cut them into rows; None while there are fewer."""
        if self._count < batch_size:
            return None
        env_step = self._collected_at + self._collected_since
        slots = self._oldest_first()
        batch = self._draw(slots, batch_size)
        recent = None
        if self._cfg.recent_steps:
            young = slots[env_step - self._table.collected_at[slots] <= self._cfg.recent_steps]
            if len(young) >= batch_size:
                recent = self._draw(young, batch_size)
        return TrainData(batch, recent, env_step)

    def _oldest_first(self) -> np.ndarray:
        return (self._next - self._count + np.arange(self._count)) % self._table.capacity

    def _draw(self, candidates: np.ndarray, size: int) -> EpisodeBatch:
        slots = self._random.choice(candidates, size, replace=False)
        rows = draw_rows(self._table.lengths[slots] + 1, self._cfg.window, self._random.random(size))
        return self._table.batch(slots, rows)

    def update(self, info: dict[str, list]) -> None:
        """Episodes carry no priority, so there is nothing to update."""

    def clear(self) -> None:
        """Forget every episode."""
        self._table = EpisodeTable(self._cfg.replay_buffer_size, self._cfg.device)
        self._next = 0
        self._count = 0
        self._collected_at = -1
        self._collected_since = 0

    def count(self) -> int:
        """Episodes held."""
        return self._count

    def save_data(self, file_name: str) -> None:
        """Write the whole state to a file, atomically."""
        save_atomically(self.state_dict(), file_name)

    def load_data(self, file_name: str) -> None:
        """Read what `save_data` wrote."""
        self.load_state_dict(torch.load(file_name, weights_only=True))

    def state_dict(self) -> dict[str, Any]:
        """Episodes from oldest to newest, and the random stream."""
        return {
            "episodes": [self._table.read(slot) for slot in self._oldest_first()],
            "random": self._random.bit_generator.state,
        }

    def load_state_dict(self, _state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned; the newest episodes win where the capacity is smaller."""
        self.clear()
        self.push(_state_dict["episodes"])
        self._random.bit_generator.state = _state_dict["random"]
