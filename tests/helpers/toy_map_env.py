"""A tiny environment of maps: two teams of robots that come, go and take over each other's slots on one board.

Slots 0..3 per team, slot 0 is the factory (type 0, never leaves), the others robots (type 1). Actions: 0 stay, 1 dig,
2..5 move. A robot that digs earns 1, anything else 0; the factory earns 0.1 for staying. Robots live three steps; a
slot is taken over at once or after one empty step, by turns.
"""

import gym
import numpy as np
from ding.envs import BaseEnv, BaseEnvTimestep
from ding.utils import ENV_REGISTRY

TEAMS, MEMBERS, ACTIONS, PLANES, BOARD, LIFE = 2, 4, 6, 3, 6, 3


@ENV_REGISTRY.register("toy_map")
class ToyMapEnv(BaseEnv):
    def __init__(self, cfg):
        self._cfg = cfg
        box = gym.spaces.Box(-np.inf, np.inf, (TEAMS, PLANES, BOARD, BOARD), np.float32)
        self.observation_space = gym.spaces.Dict({"planes": box})
        self.action_space = gym.spaces.MultiDiscrete([ACTIONS] * TEAMS * MEMBERS)
        self.reward_space = gym.spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self.seed(0)

    def seed(self, seed, dynamic_seed=None):
        self._rng = np.random.default_rng(seed)

    def reset(self):
        self._steps = 0
        self._limit = int(self._rng.integers(5, 9))
        self._return = 0.0
        self._age = self._rng.integers(-1, LIFE, (TEAMS, MEMBERS))
        self._age[:, 0] = 0
        self._position = self._rng.integers(BOARD, size=(TEAMS, MEMBERS, 2))
        return self._observe()

    def step(self, action):
        assert action.shape == (TEAMS, MEMBERS)
        active = self._age >= 0
        assert np.take_along_axis(self._legal(), action[..., None], 2)[active].all()
        earned = np.where(active, action == 1, False).astype(np.float32)
        earned[:, 0] = 0.1 * (action[:, 0] == 0)
        self._steps += 1
        self._return += float(earned.sum())
        left = np.zeros_like(active)
        for team in range(TEAMS):
            for member in range(1, MEMBERS):
                self._age[team, member] += 1
                if self._age[team, member] == LIFE:
                    left[team, member] = self._steps % 2 == 0
                    self._age[team, member] = 0 if left[team, member] else -1
        self._position = (self._position + 1) % BOARD
        done = self._steps >= self._limit
        info = {"member_reward": earned, "member_done": left, "time_limit": bool(self._limit % 2)}
        if done:
            info["eval_episode_return"] = self._return
        return BaseEnvTimestep(self._observe(), np.array([earned.sum()], np.float32), done, info)

    def close(self):
        pass

    def __repr__(self):
        return "ToyMapEnv"

    @staticmethod
    def create_collector_env_cfg(cfg):
        return [cfg] * cfg.collector_env_num

    @staticmethod
    def create_evaluator_env_cfg(cfg):
        return [cfg] * cfg.evaluator_env_num

    def _legal(self):
        legal = np.zeros((TEAMS, MEMBERS, ACTIONS), bool)
        legal[..., :2] = (self._age >= 0)[..., None]
        legal[:, 0, 1] = False
        return legal

    def _observe(self):
        planes = np.zeros((TEAMS, PLANES, BOARD, BOARD), np.float16)
        for team in range(TEAMS):
            for member in np.flatnonzero(self._age[team] >= 0):
                planes[team, min(member, 1), *self._position[team, member]] = 1
        planes[:, 2] = self._steps / 10
        return {
            "planes": planes,
            "member_mask": self._age >= 0,
            "member_type": np.tile(np.minimum(np.arange(MEMBERS), 1), (TEAMS, 1)),
            "member_position": self._position.copy(),
            "member_trajectory": np.tile(np.array([0, 1, 1, 2]), (TEAMS, 1)),
            "action_mask": self._legal(),
        }
