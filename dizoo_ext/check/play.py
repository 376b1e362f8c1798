"""Random legal play that records everything an environment hands out; `dizoo_ext.check` compares such records."""

from typing import Any

import numpy as np

from dizoo_ext.check.rules import check_episode_info, check_observation, check_step, require
from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.vector_env import Observation, VectorEnv, VectorStep

Record = list[dict[str, Any]]
"""One environment's resets and steps in order, as copies."""


def play(env: VectorEnv, groups: list[np.ndarray], episodes: int, seed: int, has_rules: bool) -> dict[int, Record]:
    """Seed all environments, then play the groups one after the other, each stepped together.

    Args:
        groups: arrays of environments; every environment of a group plays ``episodes`` episodes.
        has_rules: check every observation and step on the way.

    Returns:
        environment -> its record.
    """
    env.seed([seed + i for i in range(env.num_envs)])
    records: dict[int, Record] = {}
    for group in groups:
        records |= _Game(env, group, episodes, seed, has_rules).play()
    return records


class _Game:
    def __init__(self, env: VectorEnv, group: np.ndarray, episodes: int, seed: int, has_rules: bool) -> None:
        ids = group.tolist()
        self._env = env
        self._spec = env.spec
        self._has_rules = has_rules
        self._left = dict.fromkeys(ids, episodes)
        self._generators = {i: np.random.default_rng([seed, i]) for i in ids}
        self._records: dict[int, Record] = {i: [] for i in ids}
        self._masks: dict[int, np.ndarray] = {}
        self._subtask_done: dict[int, np.ndarray] = {}
        self._steps = np.zeros(env.num_envs, int)
        self._returns = np.zeros(env.num_envs)
        self._metric_names: set[str] | None = None
        self._handed_out: list[tuple[Observation, Observation]] = []

    def play(self) -> dict[int, Record]:
        begin = list(self._left)
        while self._left:
            if begin:
                self._begin(np.array(begin))
            begin = self._advance(np.array(list(self._left)))
        return self._records

    def _begin(self, ids: np.ndarray) -> None:
        observation = self._env.reset(ids)
        if self._has_rules:
            n = len(ids)
            check_observation(observation, self._spec, np.ones(n, bool), np.zeros((n, self._spec.agents), int))
            self._check_memory(observation)
        self._steps[ids], self._returns[ids] = 0, 0.0
        for row, i in enumerate(ids.tolist()):
            self._masks[i] = observation["action_mask"][row]
            self._subtask_done.pop(i, None)
            if "subtask_mask" in observation:
                self._subtask_done[i] = ~observation["subtask_mask"][row]
            self._records[i].append({key: value[row].copy() for key, value in observation.items()})

    def _advance(self, ids: np.ndarray) -> list[int]:
        """Step all that still play; returns those that begin another episode."""
        actions = np.stack([random_legal_actions(self._masks[i], self._generators[i]) for i in ids.tolist()])
        step = self._env.step(actions, ids)
        self._steps[ids] += 1
        if self._has_rules:
            self._check(step, ids, actions)
        self._returns[ids] += step.reward
        again = []
        for row, i in enumerate(ids.tolist()):
            self._masks[i] = step.observation["action_mask"][row]
            self._subtask_done[i] = step.subtask_done[row].copy()
            event = {key: value[row].copy() for key, value in step.observation.items()}
            event |= {name: np.array(getattr(step, name)[row]) for name in step._fields[1:-1]}
            self._records[i].append(event)
            if step.done[row]:
                event["episode_info"] = self._metrics(step.episode_info[row], i)
                self._left[i] -= 1
                if self._left[i]:
                    again.append(i)
                else:
                    del self._left[i]
        return again

    def _metrics(self, info: dict[str, float], i: int) -> dict[str, float]:
        if self._has_rules:
            check_episode_info(info, self._returns[i], self._metric_names)
            self._metric_names = set(info)
        return dict(info)

    def _check(self, step: VectorStep, ids: np.ndarray, actions: np.ndarray) -> None:
        known = [self._subtask_done[i] for i in ids.tolist() if i in self._subtask_done]
        previous_done = np.stack(known) if len(known) == len(ids) else None
        check_observation(step.observation, self._spec, np.zeros(len(ids), bool), actions)
        check_step(step, self._spec, previous_done, self._steps[ids])
        self._check_memory(step.observation)

    def _check_memory(self, observation: Observation) -> None:
        """Compare with the two observations handed out before, and remember this one with a copy."""
        for earlier, copies in self._handed_out:
            for key, value in observation.items():
                shared = [name for name, old in earlier.items() if np.may_share_memory(value, old)]
                require(
                    not shared, "fresh_memory", f"{key} lies in the memory of an earlier observation's {shared[:1]}"
                )
                is_kept = np.array_equal(earlier[key], copies[key])
                require(is_kept, "fresh_memory", f"{key} was changed after it had been handed out")
        self._handed_out.append((observation, {key: value.copy() for key, value in observation.items()}))
        del self._handed_out[:-2]
