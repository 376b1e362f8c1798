"""Writes the episodes that masked PPO learns from, with what the acting networks thought of every step."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ding_alma.replay.step_arrays import StepArrays

MemberEpisode = dict[str, Any]
"""``observed`` (key -> (L + 1, P, ...), final observation last), ``steps`` (key -> (L, P, M), see `MemberRecorder`),
``team_reward`` (L,), ``time_limit`` (the episode was cut, not over) and ``version`` of the networks that acted."""

FINAL_STEP = 1


class MemberRecorder:
    """One growing episode per environment, of P teams with M members each.

    Call order per environment: `begin_step`, `end_step`, ..., `close`, `take`.

    Args: environments, steps, initial capacity; both grow when exceeded.
    """

    def __init__(self, environments: int, steps: int = 64) -> None:
        self._observed = StepArrays(environments, steps + FINAL_STEP)
        self._steps = StepArrays(environments, steps)
        self._version: dict[int, int] = {}
        self._time_limit: dict[int, bool] = {}

    def begin_step(
        self,
        ids: np.ndarray,
        observed: Mapping[str, Tensor],
        action: Tensor,
        log_prob: Tensor,
        value: Tensor,
        version: int,
    ) -> None:
        """Store what the environments ``ids`` (n,) saw and did; a step not ended yet is overwritten.

        Args:
            observed: (n, P, ...) per key, in the types they are to be kept in.
            action: (n, P, M) int64.
            log_prob, value: (n, P, M), anything for members that are not active.
            version: of the acting networks; kept at an episode's first step.
        """
        self._observed.write(ids, observed)
        self._steps.write(ids, {"action": action, "log_prob": log_prob, "value": value})
        for env in ids[self._steps.length[ids] == 0].tolist():
            self._version[env] = version

    def end_step(self, env: int, team_reward: float, own_reward: Tensor, member_done: Tensor) -> None:
        """Store the outcome of the transition begun last in environment ``env``.

        Args:
            own_reward: (P, M) float32.
            member_done: (P, M) bool, the member does not continue although its slot may be in use again.
        """
        outcome = {"team_reward": torch.tensor(team_reward), "own_reward": own_reward, "member_done": member_done}
        self._steps.write_one(env, outcome)
        self._steps.advance(env)
        self._observed.advance(env)

    def close(self, env: int, observed: Mapping[str, Tensor], time_limit: bool) -> None:
        """Store the final observation, (P, ...) per key, and whether a time limit ended the episode."""
        # Through `write`, which makes room: no step has begun here.
        self._observed.write(np.array([env]), {key: value.unsqueeze(0) for key, value in observed.items()})
        self._time_limit[env] = time_limit

    def take(self, env: int) -> MemberEpisode:
        """A copy of the finished episode; the environment starts anew."""
        length = int(self._steps.length[env])
        steps = self._steps.take(env, length)
        return {
            "observed": self._observed.take(env, length + FINAL_STEP),
            "team_reward": steps.pop("team_reward"),
            "steps": steps,
            "time_limit": self._time_limit.pop(env),
            "version": self._version.pop(env),
        }

    def reset(self, ids: np.ndarray | None = None) -> None:
        """Forget the unfinished episodes of ``ids`` (default: all)."""
        self._observed.reset(ids)
        self._steps.reset(ids)
