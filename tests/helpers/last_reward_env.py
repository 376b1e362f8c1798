"""A tiny game whose only reward comes with its last step: every agent must answer to the sign that it sees then.

Agents 2..3, three steps. Actions: 0 no-op (absent agents), 1 and 2 the answers to the signs 1 and -1. The reward is the
share of the present agents that answer rightly in the last step: 1 at best, 0.5 by chance.
"""

import numpy as np
from ding.utils import ENV_REGISTRY

from dizoo_ext.contract import EntitySpec
from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.flat_view import flat_view
from dizoo_ext.vector_env import VectorEnv, VectorStep

AGENTS, STEPS, ACTIONS = 3, 3, 3


class LastRewardVector(VectorEnv):
    def __init__(self, num_envs, observation="both"):
        self.num_envs = num_envs
        self.spec = EntitySpec(AGENTS, AGENTS, 1, ACTIONS, 2, STEPS)
        self._keys = self.spec.observation_keys(observation)
        self._rng = [None] * num_envs
        self._present = np.zeros((num_envs, AGENTS), bool)
        self._sign = np.zeros((num_envs, AGENTS))
        self._previous = np.full((num_envs, AGENTS), -1)
        self._t = np.zeros(num_envs, int)

    def seed(self, seeds, ids=None):
        for i, seed in zip(self._rows(ids), seeds, strict=True):
            self._rng[i] = np.random.default_rng(seed)

    def reset(self, ids=None):
        rows = self._rows(ids)
        self._t[rows], self._previous[rows] = 0, -1
        for i in rows:
            self._present[i] = np.arange(AGENTS) < self._rng[i].integers(2, AGENTS + 1)
        return self._observe(rows)

    def step(self, actions, ids=None):
        rows = self._rows(ids)
        present = self._present[rows]
        right = (actions == np.where(self._sign[rows] > 0, 1, 2)) & present
        self._t[rows] += 1
        self._previous[rows] = actions
        done = self._t[rows] == STEPS
        reward = np.where(done, right.sum(1) / present.sum(1), 0.0)
        info = {int(k): {"return": reward[k], "solved": float(reward[k] == 1)} for k in np.flatnonzero(done)}
        finished = done[:, None]
        return VectorStep(self._observe(rows), reward, done, np.zeros_like(done), reward[:, None], finished, done, info)

    def render(self, env=0, allocation=None):
        return np.zeros((8, 8 * AGENTS, 3), np.uint8)

    def _rows(self, ids):
        return np.arange(self.num_envs) if ids is None else np.asarray(ids)

    def _observe(self, rows):
        n = len(rows)
        for i in rows:
            self._sign[i] = self._rng[i].choice([-1.0, 1.0], AGENTS)
        present = self._present[rows]
        entities = (np.stack([np.ones((n, AGENTS)), self._sign[rows]], 2) * present[:, :, None]).astype(np.float32)
        obs_mask = present[:, :, None] & np.eye(AGENTS, dtype=bool)
        action_mask = np.stack([~present, present, present], 2)
        values = {
            "entities": entities,
            "entity_mask": present,
            "obs_mask": obs_mask,
            "entity_subtask": np.full((n, AGENTS), -1),
            "subtask_mask": np.ones((n, 1), bool),
            "action_mask": action_mask.astype(np.float32),
            "action_subtask": np.full((n, AGENTS, ACTIONS), -1),
            "heuristic_allocation": np.where(present, 0, -1),
        }
        flat = flat_view(entities, present, obs_mask, self._previous[rows], ACTIONS)
        values |= dict(zip(("agent_state", "global_state"), flat, strict=True))
        return {key: values[key] for key in self._keys}


@ENV_REGISTRY.register("last_reward")
class LastRewardEnv(EntityEnv):
    config = dict()

    @classmethod
    def make_vector_env(cls, cfg, num_envs):
        return LastRewardVector(num_envs, cfg.observation)
