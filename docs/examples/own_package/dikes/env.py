"""Two agents walk along a dike and close its breaches, which grow while nobody works at them."""

import numpy as np
from ding.utils import ENV_REGISTRY

from dizoo_ext.batch_arguments import checked_actions, checked_rows
from dizoo_ext.contract import EntitySpec
from dizoo_ext.entity_env import EntityEnv
from dizoo_ext.flat_view import flat_view
from dizoo_ext.strict_config import check_range
from dizoo_ext.vector_env import VectorEnv, VectorStep

AGENTS, BREACHES, CELLS = 2, 3, 9
ENTITIES = AGENTS + BREACHES  # the agents first
NO_OP, WEST, EAST, MEND = ACTIONS = range(4)  # the no-op is for agents that are absent or dead: none, here
FEATURES = 2 + CELLS  # is an agent, depth of a breach, one-hot cell
DEEPEST = 3


class DikesVector(VectorEnv):
    """A batch of dikes; every breach is a subtask, two or three in an episode."""

    def __init__(self, num_envs, episode_limit=30, observation="both"):
        check_range(episode_limit, "env.episode_limit", minimum=1)
        self.num_envs = num_envs
        self.spec = EntitySpec(AGENTS, ENTITIES, BREACHES, len(ACTIONS), FEATURES, episode_limit)
        self._keys = self.spec.observation_keys(observation)
        self._random = [None] * num_envs
        self._agent = np.zeros((num_envs, AGENTS), int)  # cells
        self._breach = np.zeros((num_envs, BREACHES), int)  # cells
        self._exists = np.zeros((num_envs, BREACHES), bool)
        self._depth = np.zeros((num_envs, BREACHES), int)
        self._last_action = np.full((num_envs, AGENTS), -1)
        self._steps = np.zeros(num_envs, int)
        self._return = np.zeros(num_envs)
        self._running = np.zeros(num_envs, bool)

    def seed(self, seeds, ids=None):
        for row, seed in zip(self._rows(ids), seeds, strict=True):
            self._random[row] = np.random.default_rng(seed)

    def stream_state(self, env):
        return self._random[env].bit_generator.state

    def set_stream_state(self, state, env):
        self._random[env].bit_generator.state = state

    def reset(self, ids=None):
        rows = self._rows(ids)
        for row in rows:
            random = self._random[row]
            self._agent[row] = random.integers(CELLS, size=AGENTS)
            self._breach[row] = random.choice(CELLS, BREACHES, replace=False)
            self._exists[row] = np.arange(BREACHES) < random.integers(2, BREACHES + 1)
        self._depth[rows] = DEEPEST * self._exists[rows]
        self._last_action[rows], self._steps[rows], self._return[rows] = -1, 0, 0.0
        self._running[rows] = True
        return self._observe(rows)

    def step(self, actions, ids=None):
        rows = self._rows(ids)
        actions = checked_actions(actions, len(rows), AGENTS)
        if not self._running[rows].all():
            raise RuntimeError("reset environments before stepping them")
        if actions.min() < 0 or actions.max() >= len(ACTIONS):
            raise ValueError(f"actions are 0 to {len(ACTIONS) - 1}, got {actions.tolist()}")
        if not np.take_along_axis(self._allowed(rows), actions[:, :, None], axis=2).all():
            raise ValueError(f"actions {actions.tolist()} are not all allowed now")
        before = self._depth[rows]
        works = self._is_at(rows) & (actions == MEND)[:, :, None]
        grows = (before > 0) & ~works.any(1)
        after = np.clip(before - works.sum(1) + grows, 0, DEEPEST)
        self._depth[rows] = after
        self._agent[rows] += (actions == EAST).astype(int) - (actions == WEST)
        self._last_action[rows] = actions
        self._steps[rows] += 1
        closed = (before > 0) & (after == 0)
        subtask_reward = 0.1 * (before - after) + closed
        reward = subtask_reward.sum(1)
        self._return[rows] += reward
        is_open = after > 0
        solved = ~is_open.any(1)
        time_limit = ~solved & (self._steps[rows] >= self.spec.episode_limit)
        done = solved | time_limit
        self._running[rows] = ~done
        info = {
            int(j): {
                "solved": float(solved[j]),
                "closed": float((~is_open & self._exists[rows])[j].sum()),
                "return": float(self._return[rows[j]]),
            }
            for j in np.flatnonzero(done)
        }
        observation = self._observe(rows)
        return VectorStep(observation, reward, done, time_limit, subtask_reward, ~is_open, closed.any(1), info)

    def render(self, env=0, allocation=None):
        """Agents are blue, breaches red; ``allocation`` is not drawn."""
        picture = np.full((2, CELLS, 3), 255, np.uint8)
        picture[0, self._agent[env]] = (40, 80, 200)
        picture[1, self._breach[env]] = 255 - np.outer(self._depth[env] * 85, (0, 1, 1))
        return picture.repeat(40, 0).repeat(40, 1)

    def _rows(self, ids):
        return checked_rows(ids, np.arange(self.num_envs))

    def _is_at(self, rows):
        """(n, A, K) bool: the agent stands at the open breach."""
        return (self._agent[rows][:, :, None] == self._breach[rows][:, None]) & (self._depth[rows] > 0)[:, None]

    def _allowed(self, rows):
        allowed = np.zeros((len(rows), AGENTS, len(ACTIONS)), bool)
        allowed[..., WEST] = self._agent[rows] > 0
        allowed[..., EAST] = self._agent[rows] < CELLS - 1
        allowed[..., MEND] = self._is_at(rows).any(2)
        return allowed

    def _observe(self, rows):
        n = len(rows)
        exists, is_at = self._exists[rows], self._is_at(rows)
        entity_mask = np.concatenate([np.ones((n, AGENTS), bool), exists], 1)
        entities = np.zeros((n, ENTITIES, FEATURES), np.float32)
        entities[:, :AGENTS, 0] = 1
        entities[:, AGENTS:, 1] = self._depth[rows] / DEEPEST
        entities[..., 2:] = np.eye(CELLS)[np.concatenate([self._agent[rows], self._breach[rows]], 1)]
        entities *= entity_mask[:, :, None]  # rows of absent entities are zeros
        obs_mask = np.repeat(entity_mask[:, None], AGENTS, 1)  # everybody sees everything
        allowed = self._allowed(rows)
        action_subtask = np.full((n, AGENTS, len(ACTIONS)), -1)
        action_subtask[..., MEND] = np.where(is_at.any(2), is_at.argmax(2), -1)
        agent_state, global_state = flat_view(entities, entity_mask, obs_mask, self._last_action[rows], len(ACTIONS))
        everything = {
            "entities": entities,
            "entity_mask": entity_mask,
            "obs_mask": obs_mask,
            "entity_subtask": np.tile([-1] * AGENTS + list(range(BREACHES)), (n, 1)),
            "subtask_mask": self._depth[rows] > 0,
            "action_mask": allowed.astype(np.float32),
            "action_subtask": action_subtask,
            "heuristic_allocation": self._nearest(rows),
            "agent_state": agent_state,
            "global_state": global_state,
        }
        return {key: everything[key] for key in self._keys}

    def _nearest(self, rows):
        """(n, A): each agent's nearest open breach, the first agent's being taken, unless it is the only one."""
        distance = np.abs(self._agent[rows][:, :, None] - self._breach[rows][:, None]).astype(float)
        distance[np.repeat(self._depth[rows][:, None] == 0, AGENTS, 1)] = np.inf
        first = distance[:, 0].argmin(1)
        others = distance[:, 1].copy()
        others[np.arange(len(rows)), first] += CELLS
        nearest = np.stack([first, others.argmin(1)], 1)
        return np.where(np.isfinite(distance).any(2), nearest, -1)


@ENV_REGISTRY.register("dikes")
class DikesEnv(EntityEnv):
    config = dict(
        # (int) Steps after which an episode is cut.
        episode_limit=30,
    )

    @classmethod
    def make_vector_env(cls, cfg, num_envs):
        return DikesVector(num_envs, cfg.episode_limit, cfg.observation)
