"""A tiny environment that exercises the whole contract: agents clear work sites until they or their strength run out.

Agents 2..4, sites 1..2 (the subtasks). Actions: 0 no-op, 1 rest, 2 + k work at site k. Working removes one unit of the
site's work and one of the agent's strength; the reward is the work removed. An agent without strength is dead.
"""

import numpy as np
from ding.utils import ENV_REGISTRY

from dizoo_ext.contract import EntitySpec
from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.strict_config import check_range
from dizoo_ext.vector_env import VectorEnv, VectorStep

AGENTS, SITES, FEATURES = 4, 2, 3
ENTITIES, ACTIONS = AGENTS + SITES, 2 + SITES


class ToyVector(VectorEnv):
    def __init__(self, num_envs, episode_limit=12, observation="both"):
        self.num_envs = num_envs
        self.spec = EntitySpec(AGENTS, ENTITIES, SITES, ACTIONS, FEATURES, episode_limit)
        self._keys = self.spec.observation_keys(observation)
        self._rng = [None] * num_envs
        self._is_agent = np.zeros((num_envs, AGENTS), bool)
        self._is_site = np.zeros((num_envs, SITES), bool)
        self._strength = np.zeros((num_envs, AGENTS))
        self._work = np.zeros((num_envs, SITES))
        self._previous = np.full((num_envs, AGENTS), -1)
        self._steps = np.zeros(num_envs, int)
        self._return = np.zeros(num_envs)
        self._is_running = np.zeros(num_envs, bool)

    def seed(self, seeds, ids=None):
        for i, seed in zip(self._ids(ids), seeds, strict=True):
            self._rng[i] = np.random.default_rng(seed)

    def stream_state(self, env):
        return self._rng[env].bit_generator.state

    def set_stream_state(self, state, env):
        self._rng[env].bit_generator.state = state

    def reset(self, ids=None, sites=None):
        ids = self._ids(ids)
        for i in ids:
            rng = self._rng[i]
            self._is_agent[i] = np.arange(AGENTS) < rng.integers(2, AGENTS + 1)
            drawn = rng.integers(1, SITES + 1)
            self._is_site[i] = np.arange(SITES) < (drawn if sites is None else sites)
            self._strength[i] = rng.integers(2, 7, AGENTS) * self._is_agent[i]
            self._work[i] = rng.integers(2, 9, SITES) * self._is_site[i]
        self._previous[ids] = -1
        self._steps[ids] = 0
        self._return[ids] = 0
        self._is_running[ids] = True
        return self._observe(ids)

    def step(self, actions, ids=None):
        ids = self._ids(ids)
        if actions.shape != (len(ids), AGENTS):
            raise ValueError(f"actions must have shape {(len(ids), AGENTS)}, got {actions.shape}")
        if not self._is_running[ids].all():
            raise RuntimeError("reset the environment first")
        if actions.min() < 0 or actions.max() >= ACTIONS:
            raise ValueError("action out of range")
        if not np.take_along_axis(self._allowed(ids), actions[:, :, None], axis=2).all():
            raise ValueError("action not allowed")
        before = self._work[ids] <= 0
        works = actions[:, :, None] == 2 + np.arange(SITES)
        removed = np.minimum(works.sum(axis=1), self._work[ids])
        self._work[ids] -= removed
        self._strength[ids] -= works.any(axis=2)
        self._previous[ids] = actions
        self._steps[ids] += 1
        reward = removed.sum(axis=1)
        self._return[ids] += reward
        finished = self._work[ids] <= 0
        solved = finished.all(axis=1)
        exhausted = (self._strength[ids] <= 0).all(axis=1)
        time_limit = ~solved & ~exhausted & (self._steps[ids] >= self.spec.episode_limit)
        done = solved | exhausted | time_limit
        self._is_running[ids] = ~done
        metrics = {
            int(row): {"return": self._return[i], "solved": float(solved[row]), "length": self._steps[i]}
            for row, i in enumerate(ids)
            if done[row]
        }
        return VectorStep(
            self._observe(ids), reward, done, time_limit, removed, finished, (finished != before).any(axis=1), metrics
        )

    def render(self, env=0, allocation=None):
        image = np.zeros((40, 8 * SITES, 3), np.uint8)
        for site in range(SITES):
            image[: int(4 * self._work[env, site]), 8 * site : 8 * site + 6, 0] = 255
        return image

    def _ids(self, ids):
        return np.arange(self.num_envs) if ids is None else np.asarray(ids)

    def _alive(self, ids):
        return self._is_agent[ids] & (self._strength[ids] > 0)

    def _allowed(self, ids):
        alive = self._alive(ids)[:, :, None]
        work = (self._work[ids] > 0)[:, None, :] & alive
        return np.concatenate([~alive, alive, work], axis=2)

    def _observe(self, ids):
        count = len(ids)
        alive = self._alive(ids)
        entity_mask = np.concatenate([alive, self._is_site[ids]], axis=1)
        entities = np.zeros((count, ENTITIES, FEATURES), np.float32)
        entities[:, :AGENTS, 0] = self._is_agent[ids]
        entities[:, AGENTS:, 1] = self._is_site[ids]
        entities[:, :AGENTS, 2] = self._strength[ids]
        entities[:, AGENTS:, 2] = self._work[ids]
        obs_mask = alive[:, :, None] & entity_mask[:, None, :]
        unfinished = self._work[ids] > 0
        subtask_of_action = np.array([-1, -1, *range(SITES)])
        allowed = self._allowed(ids)
        seen = np.where(obs_mask[..., None], entities[:, None], np.float32(0)).reshape(count, AGENTS, -1)
        own = np.where(alive[:, :, None], entities[:, :AGENTS], np.float32(0))
        previous = np.eye(ACTIONS + 1, dtype=np.float32)[self._previous[ids]][..., :ACTIONS]
        names = np.broadcast_to(np.eye(AGENTS, dtype=np.float32), (count, AGENTS, AGENTS))
        everything = {
            "entities": entities,
            "entity_mask": entity_mask,
            "obs_mask": obs_mask,
            "entity_subtask": np.tile(np.array([-1] * AGENTS + list(range(SITES))), (count, 1)),
            "subtask_mask": unfinished,
            "action_mask": allowed.astype(np.float32),
            "action_subtask": np.where(allowed, subtask_of_action, -1),
            "heuristic_allocation": np.where(alive & unfinished.any(1)[:, None], unfinished.argmax(1)[:, None], -1),
            "agent_state": np.concatenate([own, seen, previous * alive[:, :, None], names], axis=2),
            "global_state": entities.reshape(count, -1),
        }
        return {key: everything[key] for key in self._keys}


@ENV_REGISTRY.register("toy")
class ToyEnv(EntityEnv):
    config = dict(
        # (int) Steps after which an episode is cut.
        episode_limit=12,
        # (dict) Not used; a nested block.
        options=dict(depth=1),
    )

    @classmethod
    def make_vector_env(cls, cfg, num_envs):
        check_range(cfg.episode_limit, "env.episode_limit", minimum=1)
        return ToyVector(num_envs, cfg.episode_limit, cfg.observation)
