"""Writes whole episodes of the flat view while the policy acts, and lays them side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ding_alma.replay.step_arrays import StepArrays
from ding_alma.rl.coma import ComaBatch

FlatEpisode = dict[str, Any]
"""Tensors of L + 1 steps per key of `FLAT_OBSERVED`, of L steps per key of `FLAT_STEPS`, and the ``version`` of the
networks that acted."""

FLAT_OBSERVED = ("agent_state", "global_state", "action_mask")
FLAT_STEPS = ("action", "epsilon", "reward", "terminated")


class FlatRecorder:
    """One growing episode per environment.

    Call order per environment: `begin_step`, `end_step`, ..., `close`, `take`.

    Args: environments, steps, initial capacity; both grow when exceeded.
    """

    def __init__(self, environments: int, steps: int = 64) -> None:
        self._observed = StepArrays(environments, steps + 1)
        self._steps = StepArrays(environments, steps)
        self._version: dict[int, int] = {}

    def begin_step(
        self, ids: np.ndarray, observed: Mapping[str, Tensor], action: Tensor, epsilon: float, version: int
    ) -> None:
        """Store what the environments ``ids`` (n,) saw and did; a step not ended yet is overwritten.

        Args:
            observed: (n, ...) per key of `FLAT_OBSERVED`.
            action: (n, A) int64.
            epsilon: share of the uniform policy.
            version: of the acting networks; kept at an episode's first step.
        """
        self._observed.write(ids, observed)
        self._steps.write(ids, {"action": action.to(torch.int16), "epsilon": torch.full((len(ids),), epsilon)})
        for env in ids[self._steps.length[ids] == 0].tolist():
            self._version[env] = version

    def end_step(self, env: int, reward: float, terminated: bool) -> None:
        """Store the outcome of the transition begun last in environment ``env``."""
        self._steps.write_one(env, {"reward": torch.tensor(reward), "terminated": torch.tensor(terminated)})
        self._steps.advance(env)
        self._observed.advance(env)

    def close(self, env: int, observed: Mapping[str, Tensor]) -> None:
        """Store the final observation, (1, ...) per key."""
        self._observed.write(np.array([env]), observed)

    def take(self, env: int) -> FlatEpisode:
        """A copy of the finished episode; the environment starts anew."""
        length = int(self._steps.length[env])
        return {
            **self._observed.take(env, length + 1),
            **self._steps.take(env, length),
            "version": self._version.pop(env),
        }

    def reset(self, ids: np.ndarray | None = None) -> None:
        """Forget the unfinished episodes of ``ids`` (default: all)."""
        self._observed.reset(ids)
        self._steps.reset(ids)


def coma_batch(episodes: Sequence[FlatEpisode]) -> ComaBatch:
    """Whole episodes side by side, in the order given."""
    lengths = torch.tensor([len(episode["reward"]) for episode in episodes])
    observed = {key: pad_sequence([episode[key] for episode in episodes]) for key in FLAT_OBSERVED}
    steps = {
        key: pad_sequence([torch.cat([episode[key], torch.zeros_like(episode[key][:1])]) for episode in episodes])
        for key in FLAT_STEPS
    }
    steps["action"] = steps["action"].long()
    return ComaBatch(**observed, **steps, valid=torch.arange(len(steps["reward"])).unsqueeze(1) < lengths)
