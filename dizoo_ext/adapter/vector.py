"""A batch of games that are stepped one after the other."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dizoo_ext.adapter.game import ParallelGame
from dizoo_ext.adapter.shown_game import OWN_METRICS, ShownGame, spec_of
from dizoo_ext.adapter.view import View
from dizoo_ext.batch_arguments import checked_actions, checked_rows
from dizoo_ext.contract import FLAT_KEYS, OBSERVATION_CHOICES
from dizoo_ext.flat_view import flat_view
from dizoo_ext.strict_config import check_choice, check_range
from dizoo_ext.vector_env import Observation, VectorEnv, VectorStep

SMALLEST_SCALE, LARGEST_SCALE = 1e-6, 1e6
"""Of rewards."""
_SEEDS = 2**31
"""Some games keep their seed in 32 bits with a sign."""


class GameVector(VectorEnv):
    """Games of other packages, through `View`s.

    Every episode begins with a seed of its own, drawn from the environment's stream. So a game whose episodes follow
    from their seeds, as PettingZoo asks, goes on in a resumed run where it was.

    Args:
        num_envs: B. The first game is made at once, for its sizes, the others when they are first reset.
        make_game: a new game.
        make_view: the view of a game.
        episode_limit: steps, at least 1, after which an episode is cut.
        observation: 'both', 'entities' or 'flat'.
        reward_scale: factor of all rewards and returns.

    Raises:
        TypeError, ValueError: as `spec_of`, and for impossible values.
    """

    def __init__(
        self,
        num_envs: int,
        make_game: Callable[[], ParallelGame],
        make_view: Callable[[Any], View],
        episode_limit: int = 100,
        observation: str = "both",
        reward_scale: float = 1.0,
    ) -> None:
        check_range(num_envs, "num_envs", 1)
        check_range(episode_limit, "env.episode_limit", 1)
        check_choice(observation, OBSERVATION_CHOICES, "env.observation")
        check_range(reward_scale, "env.reward_scale", SMALLEST_SCALE, LARGEST_SCALE)
        self.num_envs = num_envs
        self._make_game, self._make_view, self._reward_scale = make_game, make_view, reward_scale
        game = make_game()
        view = make_view(game)
        self.spec = spec_of(game, view, episode_limit)
        if view.metric_names is not None:
            self.metrics = (*view.metric_names, *OWN_METRICS)
        self._keys = self.spec.observation_keys(observation)
        spaces = self.spec.observation_space("entities").spaces
        self._layout = {key: (box.shape, box.dtype) for key, box in spaces.items()}
        self._all_rows = np.arange(num_envs)
        self._random: list[np.random.Generator | None] = [None] * num_envs
        self._games: dict[int, ShownGame] = {0: self._shown(game, view)}

    def seed(self, seeds: Sequence[int], ids: np.ndarray | None = None) -> None:
        """Start the streams that seeds of episodes are drawn from."""
        for row, seed in zip(self._rows(ids), seeds, strict=True):
            self._random[row] = np.random.default_rng(seed)

    def stream_state(self, env: int) -> dict[str, Any]:
        """See `VectorEnv.stream_state`."""
        return dict(self._generator(env).bit_generator.state)

    def set_stream_state(self, state: Mapping[str, Any], env: int) -> None:
        """See `VectorEnv.set_stream_state`."""
        self._generator(env).bit_generator.state = state

    def reset(self, ids: np.ndarray | None = None, *_: Any, **options: Any) -> Observation:
        """Begin new episodes; ``options`` go to the games. Raises a RuntimeError before `seed`."""
        rows = self._rows(ids)
        for row in rows.tolist():
            if row not in self._games:
                game = self._make_game()
                self._games[row] = self._shown(game, self._make_view(game))
            self._games[row].begin(int(self._generator(row).integers(_SEEDS)), dict(options) or None)
        return self._observe(rows)

    def step(self, actions: np.ndarray, ids: np.ndarray | None = None) -> VectorStep:
        """Advance by one joint action each; see `VectorEnv.step`."""
        rows = self._rows(ids)
        n, spec = len(rows), self.spec
        actions = checked_actions(actions, n, spec.agents)
        self._check(actions, rows)
        reward, subtask_reward = np.empty(n), np.empty((n, spec.subtasks))
        done, time_limit, changed = (np.empty(n, np.bool_) for _ in range(3))
        subtask_done = np.empty((n, spec.subtasks), np.bool_)
        info = {}
        for k, row in enumerate(rows.tolist()):
            outcome = self._games[row].step(actions[k])
            reward[k], done[k], time_limit[k], subtask_reward[k], subtask_done[k], changed[k] = outcome[:-1]
            if outcome.episode_info is not None:
                info[k] = outcome.episode_info
        return VectorStep(self._observe(rows), reward, done, time_limit, subtask_reward, subtask_done, changed, info)

    def view(self, env: int = 0) -> View:
        """The view of one game, whose attribute ``game`` is the game."""
        if env not in self._games:
            raise RuntimeError(f"reset environment {env} before looking at it")
        return self._games[env].view

    def render(self, env: int = 0, allocation: np.ndarray | None = None) -> np.ndarray:
        """The view's picture; raises a RuntimeError if there is nothing to draw."""
        if env not in self._games:
            raise RuntimeError(f"reset environment {env} before drawing it")
        return self._games[env].render(allocation)

    def close(self) -> None:
        """Close all games."""
        for shown in self._games.values():
            shown.game.close()

    def _observe(self, rows: np.ndarray) -> Observation:
        n, spec = len(rows), self.spec
        arrays = {key: np.zeros((n, *shape), dtype) for key, (shape, dtype) in self._layout.items()}
        games = [self._games[row] for row in rows.tolist()]
        for k, game in enumerate(games):
            game.write({key: array[k] for key, array in arrays.items()})
        if set(FLAT_KEYS) <= set(self._keys):
            last_action = np.array([game.last_action for game in games]).reshape(n, spec.agents)
            entities, entity_mask, obs_mask = arrays["entities"], arrays["entity_mask"], arrays["obs_mask"]
            flat = flat_view(entities, entity_mask, obs_mask, last_action, spec.actions)
            arrays |= zip(FLAT_KEYS, flat, strict=True)
        return {key: arrays[key] for key in self._keys}

    def _shown(self, game: ParallelGame, view: View) -> ShownGame:
        return ShownGame(game, view, self.spec, self._reward_scale)

    def _generator(self, env: int) -> np.random.Generator:
        generator = self._random[env]
        if generator is None:
            raise RuntimeError(f"seed environment {env} before using it")
        return generator

    def _rows(self, ids: np.ndarray | None) -> np.ndarray:
        return checked_rows(ids, self._all_rows)

    def _check(self, actions: np.ndarray, rows: np.ndarray) -> None:
        ended = [row for row in rows.tolist() if row not in self._games or not self._games[row].is_running]
        if ended:
            raise RuntimeError(f"environments {ended} have no running episode; reset them before stepping")
        if len(rows) and not (actions.min() >= 0 and actions.max() < self.spec.actions):
            raise ValueError(f"actions are 0 to {self.spec.actions - 1}, got {actions.tolist()}")
        for row, joint in zip(rows.tolist(), actions, strict=True):
            allowed = self._games[row].action_mask[np.arange(self.spec.agents), joint]
            if not allowed.all():
                agent = int(np.flatnonzero(~allowed)[0])
                raise ValueError(f"action {joint[agent]} of agent {agent} is not allowed now in environment {row}")
