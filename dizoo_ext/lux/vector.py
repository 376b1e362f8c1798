"""A batch of games for policies over entities: robots are the agents, own factories the subtasks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dizoo_ext.batch_arguments import checked_actions, checked_rows
from dizoo_ext.contract import FLAT_KEYS, OBSERVATION_CHOICES
from dizoo_ext.flat_view import flat_view
from dizoo_ext.lux.entities import EntityLook, entity_subtasks, look_at, lux_entity_spec
from dizoo_ext.lux.heuristic import building_actions
from dizoo_ext.lux.match import LuxMatch
from dizoo_ext.lux.metrics import METRICS
from dizoo_ext.lux.opponents import SELF
from dizoo_ext.lux.replay import Replay
from dizoo_ext.lux.settings import STAY
from dizoo_ext.strict_config import check_choice, check_range
from dizoo_ext.vector_env import Observation, VectorEnv, VectorStep


class LuxVector(VectorEnv):
    """Games of the first team against an opponent.

    Subtask ``k`` is the team's ``k``-th factory, finished when it has died. Its reward is what the factory earned, and
    what the robots earned that had it nearest before the step; the global reward is the sum over the subtasks. Robots
    stand in the slots 0 .. ``max_units`` - 1. Factories build by the rule of `heuristic.building_actions` and are no
    agents.

    Args:
        num_envs: B.
        cfg: complete `match.MATCH_CONFIG`.
        is_test: see `LuxMatch`.
        observation: 'both', 'entities' or 'flat'.
        illegal_action: 'raise' or 'noop' (the robot is told nothing new).

    Raises:
        ValueError: an impossible value.
    """

    replay: Replay | None = None
    """Writes down the games that begin from now on."""

    def __init__(
        self,
        num_envs: int,
        cfg: Mapping[str, Any],
        is_test: bool = False,
        observation: str = "both",
        illegal_action: str = "raise",
    ) -> None:
        check_range(num_envs, "num_envs", 1)
        check_choice(observation, OBSERVATION_CHOICES, "env.observation")
        check_choice(illegal_action, ("raise", "noop"), "env.illegal_action")
        if cfg["opponent"] == SELF:
            raise ValueError("env.opponent = 'self' needs environment 'lux'; entities are seen by one team")
        if cfg["lichen"]:
            raise ValueError("env.lichen needs environment 'lux', where factories are members: nobody waters here")
        self.num_envs = num_envs
        self._illegal_is_noop = illegal_action == "noop"
        self.matches = [LuxMatch(cfg, is_test) for _ in range(num_envs)]
        self._settings = self.matches[0].settings
        self.spec = lux_entity_spec(self._settings, self.matches[0].limit)
        self.metrics = METRICS
        self._keys = self.spec.observation_keys(observation)
        self._ties = entity_subtasks(self._settings)
        self._all_rows = np.arange(num_envs)
        self._looks: dict[int, EntityLook] = {}
        self._last = np.full((num_envs, self.spec.agents), -1)

    def seed(self, seeds: Sequence[int], ids: np.ndarray | None = None) -> None:
        """Start the random streams, see `LuxMatch.seed`."""
        rows = checked_rows(ids, self._all_rows)
        if len(seeds) != len(rows):
            raise ValueError(f"seed needs one seed per environment: {len(rows)} environments, {len(seeds)} seeds")
        for row, seed in zip(rows, seeds, strict=True):
            self.matches[row].seed(int(seed))

    def stream_state(self, env: int) -> dict[str, Any] | None:
        """See `LuxMatch.stream_state`."""
        return self.matches[env].stream_state()

    def set_stream_state(self, state: Mapping[str, Any], env: int) -> None:
        """See `LuxMatch.set_stream_state`."""
        self.matches[env].set_stream_state(state)

    def reset(self, ids: np.ndarray | None = None, map_seed: int | None = None) -> Observation:
        """Begin new games; ``map_seed`` plays the engine's map of this seed instead of drawing one."""
        rows = checked_rows(ids, self._all_rows)
        for row in rows:
            self.matches[row].reset(map_seed, self.replay)
            self._looks[row] = look_at(self.matches[row].game)
        self._last[rows] = -1
        return self._observe(rows)

    def step(self, actions: np.ndarray, ids: np.ndarray | None = None) -> VectorStep:
        """Advance by one joint action each; see `VectorEnv.step`."""
        rows = checked_rows(ids, self._all_rows)
        n, subtasks = len(rows), self.spec.subtasks
        actions = checked_actions(actions, n, self.spec.agents)
        asked, actions = actions, np.empty_like(actions)
        for k, row in enumerate(rows):
            self.matches[row].require_running()
            actions[k] = self._legal(row, asked[k])
        subtask_reward = np.zeros((n, subtasks))
        subtask_done = np.empty((n, subtasks), np.bool_)
        changed, done, time_limit = (np.empty(n, np.bool_) for _ in range(3))
        metrics = {}
        for k, (row, joint) in enumerate(zip(rows.tolist(), actions, strict=True)):
            match, before = self.matches[row], self._looks[row]
            outcome = match.advance(self._team_actions(match, joint)[None])
            subtask_reward[k] = self._subtask_reward(outcome.member_reward[0], before.nearest)
            self._looks[row] = after = look_at(match.game)
            subtask_done[k] = ~self._factories(after)
            changed[k] = (self._factories(before) != self._factories(after)).any()
            done[k], time_limit[k] = outcome.done, outcome.time_limit
            if outcome.done:
                metrics[k] = outcome.metrics
        self._last[rows] = actions
        results = (subtask_reward.sum(1), done, time_limit, subtask_reward, subtask_done, changed)
        return VectorStep(self._observe(rows), *results, metrics)

    def render(self, env: int = 0, allocation: np.ndarray | None = None) -> np.ndarray:
        """Draw one game, (480, 480, 3) uint8; ``allocation`` (A,) draws lines from robots to their factories."""
        return self.matches[env].render(allocation)

    def _legal(self, row: int, actions: np.ndarray) -> np.ndarray:
        """The joint action (A,), or the no-op in place of what is not allowed."""
        mask = self._looks[row].action_mask
        known = np.clip(actions, 0, self.spec.actions - 1)
        legal = mask[np.arange(len(mask)), known] & (known == actions)
        if not legal.all() and not self._illegal_is_noop:
            agent = int((~legal).argmax())
            raise ValueError(
                f"environment {row}: agent {agent} cannot take action {actions[agent]} at step "
                f"{self.matches[row].game.view.step}; allowed are {np.flatnonzero(mask[agent]).tolist()} (see "
                "action_mask, or set illegal_action='noop')"
            )
        return np.where(legal, actions, STAY)

    def _team_actions(self, match: LuxMatch, joint: np.ndarray) -> np.ndarray:
        actions = np.zeros(self._settings.members, np.int64)
        building_actions(match.game, 0, actions)
        actions[self._settings.max_factories :] = joint
        return actions

    def _subtask_reward(self, earned: np.ndarray, nearest: np.ndarray) -> np.ndarray:
        factories = self._settings.max_factories
        reward = earned[:factories].copy()
        there = nearest >= 0
        np.add.at(reward, nearest[there], earned[factories:][there])
        return reward

    def _factories(self, look: EntityLook) -> np.ndarray:
        """(K,) bool, own factories that live."""
        return look.entity_mask[self._settings.max_units : self._settings.members]

    def _observe(self, rows: np.ndarray) -> Observation:
        looks = [self._looks[row] for row in rows.tolist()]
        entities = np.stack([look.entities for look in looks])
        entity_mask = np.stack([look.entity_mask for look in looks])
        # Nothing is hidden in this game.
        obs_mask = entity_mask[:, : self.spec.agents, None] & entity_mask[:, None]
        everything = {
            "entities": entities,
            "entity_mask": entity_mask,
            "obs_mask": obs_mask,
            "entity_subtask": np.tile(self._ties, (len(rows), 1)),
            "subtask_mask": np.stack([self._factories(look) for look in looks]),
            "action_mask": np.stack([look.action_mask for look in looks]).astype(np.float32),
            "action_subtask": np.stack([look.action_subtask for look in looks]),
            "heuristic_allocation": np.stack([look.nearest for look in looks]),
        }
        if FLAT_KEYS[0] in self._keys:
            flat = flat_view(entities, entity_mask, obs_mask, self._last[rows], self.spec.actions)
            everything |= dict(zip(FLAT_KEYS, flat, strict=True))
        return {key: everything[key] for key in self._keys}
