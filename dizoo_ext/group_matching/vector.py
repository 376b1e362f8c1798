"""A batch of Group Matching games."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dizoo_ext.batch_arguments import checked_actions, checked_rows
from dizoo_ext.contract import FLAT_KEYS, OBSERVATION_CHOICES, EntitySpec
from dizoo_ext.flat_view import flat_view
from dizoo_ext.group_matching.game import (
    ACTIONS,
    GAME,
    MAX_AGENTS,
    MAX_GROUPS,
    RULES,
    observe_rows,
    reset_rows,
    step_rows,
)
from dizoo_ext.group_matching.render import draw_game
from dizoo_ext.mersenne import set_stream_state, stream_state
from dizoo_ext.strict_config import check_choice, check_range
from dizoo_ext.vector_env import Observation, VectorEnv, VectorStep


class GroupMatchingVector(VectorEnv):
    """Games in which every agent walks a ring until each group stands on one cell.

    Everybody sees everybody, and all agents work at one subtask. A game solved at its very last step counts as solved,
    not as cut by the limit (in the original both flags are set, and the learner takes it for a time-out).

    Args:
        num_envs: B.
        agents: A, 1 to 32.
        cells: of the ring, at least 2.
        groups: 1 to 8; they may be empty.
        random_move: probability that an agent's action is replaced by a random one.
        episode_limit: steps, at least 1.
        observation: 'both', 'entities' or 'flat'.

    Raises:
        ValueError: an impossible value.
    """

    metrics = ("solved", "matches", "return", "episode_length")

    def __init__(
        self,
        num_envs: int,
        agents: int = 8,
        cells: int = 6,
        groups: int = 2,
        random_move: float = 0.1,
        episode_limit: int = 50,
        observation: str = "both",
    ) -> None:
        check_range(num_envs, "num_envs", 1)
        check_range(agents, "env.agents", 1, MAX_AGENTS)
        check_range(cells, "env.cells", 2)
        check_range(groups, "env.groups", 1, MAX_GROUPS)
        check_range(random_move, "env.random_move", 0.0, 1.0)
        check_range(episode_limit, "env.episode_limit", 1)
        check_choice(observation, OBSERVATION_CHOICES, "env.observation")
        self.num_envs = num_envs
        self.spec = EntitySpec(agents, agents, 1, ACTIONS, cells + groups + agents, episode_limit, has_groups=True)
        self.rules = np.zeros(1, RULES)
        self.rules[0] = (agents, cells, groups, random_move, episode_limit)
        self._keys = self.spec.observation_keys(observation)
        self._all_rows = np.arange(num_envs)
        self._is_seeded = np.zeros(num_envs, bool)
        self.games = np.zeros(num_envs, GAME)
        """(B,) records: the whole state."""

    def seed(self, seeds: Sequence[int], ids: np.ndarray | None = None) -> None:
        """Start the random streams as ``numpy.random.RandomState(seed)``."""
        for row, seed in zip(self._rows(ids), seeds, strict=True):
            _, words, position, *_ = np.random.RandomState(seed).get_state()
            self.games["words"][row] = words
            self.games["position"][row] = position
            self._is_seeded[row] = True

    def stream_state(self, env: int) -> dict[str, Any]:
        """See `VectorEnv.stream_state`."""
        return stream_state(self.games[env])

    def set_stream_state(self, state: Mapping[str, Any], env: int) -> None:
        """See `VectorEnv.set_stream_state`."""
        set_stream_state(self.games[env], state)

    def reset(self, ids: np.ndarray | None = None) -> Observation:
        """Begin new episodes. Raises a RuntimeError before `seed`."""
        rows = self._rows(ids)
        if not self._is_seeded[rows].all():
            raise RuntimeError(f"seed environments {rows[~self._is_seeded[rows]].tolist()} before resetting them")
        entities = self._new_entities(len(rows))
        reset_rows(self.games, rows, self.rules, entities)
        return self._observation(rows, entities, np.zeros(len(rows), bool))

    def observe(self, ids: np.ndarray | None = None) -> Observation:
        """The present observations of the environments ``ids`` (default: all)."""
        rows = self._rows(ids)
        entities = self._new_entities(len(rows))
        observe_rows(self.games, rows, self.rules, entities)
        return self._observation(rows, entities, self.games["matches"][rows] == self.rules["groups"])

    def step(self, actions: np.ndarray, ids: np.ndarray | None = None) -> VectorStep:
        """Advance by one joint action each; see `VectorEnv.step`."""
        rows = self._rows(ids)
        n = len(rows)
        actions = checked_actions(actions, n, self.spec.agents)
        self._check(actions, rows)
        reward = np.empty(n)
        solved = np.empty(n, np.bool_)
        time_limit = np.empty(n, np.bool_)
        entities = self._new_entities(n)
        step_rows(self.games, rows, self.rules, actions, reward, solved, time_limit, entities)
        done = solved | time_limit
        info = {
            int(k): {
                "solved": float(solved[k]),
                "matches": float(self.games["matches"][rows[k]]),
                "return": float(self.games["total_reward"][rows[k]]),
                "episode_length": float(self.games["t"][rows[k]]),
            }
            for k in np.flatnonzero(done)
        }
        observation = self._observation(rows, entities, solved)
        return VectorStep(
            observation, reward, done, time_limit, reward[:, None].copy(), solved[:, None], solved.copy(), info
        )

    def render(self, env: int = 0, allocation: np.ndarray | None = None) -> np.ndarray:
        """Draw one ring, (320, 320, 3) uint8; there is nothing to allocate."""
        return draw_game(self.games[env], self.rules[0])

    def _new_entities(self, n: int) -> np.ndarray:
        return np.empty((n, self.spec.entities, self.spec.features), np.float32)

    def _observation(self, rows: np.ndarray, entities: np.ndarray, solved: np.ndarray) -> Observation:
        n, agents = len(rows), self.spec.agents
        entity_mask = np.ones((n, agents), np.bool_)
        obs_mask = np.ones((n, agents, agents), np.bool_)
        arrays: tuple[np.ndarray, ...] = (
            entities,
            entity_mask,
            obs_mask,
            np.full((n, agents), -1),
            ~solved[:, None],
            np.ones((n, agents, ACTIONS), np.float32),
            np.full((n, agents, ACTIONS), -1),
            np.repeat(np.where(solved, -1, 0)[:, None], agents, 1),
            self.games["member"][rows, :, :agents].argmax(1),
        )
        if len(self._keys) != len(arrays):
            last_action = self.games["last_action"][rows, :agents]
            arrays += flat_view(entities, entity_mask, obs_mask, last_action, ACTIONS)
            if len(self._keys) == 1 + len(FLAT_KEYS):
                arrays = (arrays[5], *arrays[-2:])
        return dict(zip(self._keys, arrays, strict=True))

    def _rows(self, ids: np.ndarray | None) -> np.ndarray:
        return checked_rows(ids, self._all_rows)

    def _check(self, actions: np.ndarray, rows: np.ndarray) -> None:
        ended = rows[~self.games["running"][rows]]
        if len(ended):
            raise RuntimeError(f"environments {ended.tolist()} have no running episode; reset them before stepping")
        if len(rows) and not (actions.min() >= 0 and actions.max() < ACTIONS):
            wrong = actions[(actions < 0) | (actions >= ACTIONS)]
            raise ValueError(f"actions are 0 (down), 1 (stay) and 2 (up), got {wrong[0]}")
