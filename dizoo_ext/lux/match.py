"""A game with somebody at both ends: the policy's teams, the opponent, and the metrics of the whole."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np

from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.metrics import game_metrics
from dizoo_ext.lux.opponents import CHECKPOINT, KEPT_ALIVE, OPPONENTS, SELF, make_opponent
from dizoo_ext.lux.render import draw_game
from dizoo_ext.lux.replay import Replay
from dizoo_ext.lux.settings import ACTIONS, LuxSettings
from dizoo_ext.strict_config import check_choice, check_range

MATCH_CONFIG: dict[str, Any] = dict(
    # (int) Tiles of the board's side; below 24, maps without ice occur.
    map_size=48,
    # (int) Factories per team, drawn per map between this and the next.
    min_factories=3,
    # (int) See above.
    max_factories=5,
    # (int) Units a team may have; building is masked beyond.
    max_units=64,
    # (int) Steps of a whole game; step planes and rewards count against it.
    episode_limit=1000,
    # (int) Steps after which a training episode is cut, as the thesis does at 256; 0 = never.
    training_limit=0,
    # (bool) Factories may water lichen: one more plane, a slower engine.
    lichen=False,
    # (str) 'ice', factories are set beside ice by a heuristic, or 'random'.
    placement="ice",
    # (list) What the two teams bid for placing first; negative for second.
    bids=[0, 0],
    # (str) Factories are paid for ice 'received', or by growth of their 'stock' (the original; misses refined ice).
    factory_reward="received",
    # (str) Who plays the other team: 'self', 'none', 'idle', 'random', 'heuristic' or 'checkpoint'.
    opponent="self",
    # (str) For opponent 'checkpoint': a checkpoint inside its run's folder.
    opponent_checkpoint="",
    # (dict) Further fields of the engine's EnvConfig.
    engine_config={},
)
"""Config keys that all environments of Lux share."""
_OPPONENT_STREAM = 3


class Outcome(NamedTuple):
    """What a step led to."""

    member_reward: np.ndarray
    """(P, M) float64."""
    done: bool
    time_limit: bool
    """The episode was cut, or the game ended with both teams alive."""
    metrics: dict[str, float] | None
    """Of the episode, where ``done``."""


class LuxMatch:
    """One match after another between P teams of the policy and an opponent.

    Everything follows from the seed: maps, random placements, and what opponents draw.

    Args:
        cfg: complete `MATCH_CONFIG`.
        is_test: episodes are not cut at ``training_limit``.

    Raises:
        ValueError: an impossible value.
        FileNotFoundError: the opponent's checkpoint is missing.
    """

    def __init__(self, cfg: Mapping[str, Any], is_test: bool) -> None:
        check_choice(cfg["opponent"], OPPONENTS, "env.opponent")
        check_range(cfg["training_limit"], "env.training_limit", 0)
        names = [field.name for field in fields(LuxSettings)]
        self.settings = LuxSettings(**{name: cfg[name] for name in names if name != "bids"}, bids=tuple(cfg["bids"]))
        self.opponent = cfg["opponent"]
        self.teams = 2 if self.opponent == SELF else 1
        """P, teams that the policy plays: the first ones."""
        self._checkpoint = cfg["opponent_checkpoint"]
        if self.opponent != CHECKPOINT and self._checkpoint:
            raise ValueError(f"env.opponent_checkpoint needs env.opponent = 'checkpoint', got {self.opponent!r}")
        self._other = make_opponent(self.opponent, self._checkpoint)
        limit = 0 if is_test else cfg["training_limit"]
        self.limit = min(limit or self.settings.episode_limit, self.settings.episode_limit)
        """Steps after which an episode ends."""
        self.game = LuxGame(self.settings, kept_alive=1 if self.opponent == KEPT_ALIVE else None)
        self._maps: np.random.RandomState | None = None
        self._is_running = False

    def seed(self, stream: int) -> None:
        """Start all random streams."""
        self._maps = np.random.RandomState(stream)
        self._generator = np.random.default_rng([stream, _OPPONENT_STREAM])
        self._other = make_opponent(self.opponent, self._checkpoint)

    def stream_state(self) -> dict[str, Any] | None:
        """Where all random streams stand but an opponent checkpoint's, which begins anew; None before `seed`."""
        if self._maps is None:
            return None
        return {"maps": self._maps.get_state(legacy=False), "opponent": self._generator.bit_generator.state}

    def set_stream_state(self, state: Mapping[str, Any]) -> None:
        """Draw on from a `stream_state`; the next call must be a reset. Raises a RuntimeError before `seed`."""
        if self._maps is None:
            raise RuntimeError("seed the match before setting its streams' state")
        self._maps.set_state(state["maps"])
        self._generator.bit_generator.state = state["opponent"]

    def reset(self, map_seed: int | None = None, replay: Replay | None = None) -> None:
        """Begin a game up to its first regular step.

        Args:
            map_seed: of the map; None draws one.
            replay: writes the game down.

        Raises:
            RuntimeError: `seed` has not been called.
        """
        if self._maps is None:
            raise RuntimeError("seed the match before resetting it")
        self.game.engine.replay = replay
        self.game.reset(self._maps, map_seed)
        self._returns = np.zeros(self.teams)
        self._is_running = True

    def step(self, actions: np.ndarray) -> Outcome:
        """Advance by actions (P, M); those of empty slots are ignored.

        Raises:
            ValueError: wrong shape or type, out of range, or illegal now.
            RuntimeError: the episode has ended.
        """
        self.require_running()
        self._check(actions)
        return self.advance(actions)

    def require_running(self) -> None:
        """Raise a RuntimeError unless an episode has begun and not ended."""
        if not self._is_running:
            raise RuntimeError("reset the match before stepping it: its episode has ended")

    def advance(self, actions: np.ndarray) -> Outcome:
        """`step` for actions that were checked."""
        game = self.game
        both = np.zeros((2, self.settings.members), np.int64)
        both[: self.teams] = actions
        if self._other is not None:
            both[1] = self._other.act(game, 1, self._generator)
        earned = game.step(both)[: self.teams]
        self._returns += earned.sum(1)
        done = game.is_over or game.view.step >= self.limit
        self._is_running = not done
        time_limit = done and (game.is_at_limit or not game.is_over)
        return Outcome(earned, done, time_limit, game_metrics(game, self._returns) if done else None)

    def render(self, allocation: np.ndarray | None = None) -> np.ndarray:
        """Draw the present state, (480, 480, 3) uint8; see `draw_game` for ``allocation``."""
        title = f"step {self.game.view.step}, map {self.game.map_seed}"
        return draw_game(self.game.view, self.game.is_day, title, self.settings.max_factories, allocation)

    def _check(self, actions: np.ndarray) -> None:
        expected = (self.teams, self.settings.members)
        if actions.shape != expected or actions.dtype.kind not in "iu":
            raise ValueError(
                f"actions must be integers of shape {expected}, one per team and slot, got {actions.dtype} of shape "
                f"{actions.shape}"
            )
        there = self.game.stocks.is_there[: self.teams]
        known = np.clip(actions, 0, ACTIONS - 1)
        legal = np.take_along_axis(self.game.legal[: self.teams], known[..., None], 2)[..., 0] & (known == actions)
        if not (legal | ~there).all():
            team, slot = np.argwhere(~legal & there)[0].tolist()
            allowed = np.flatnonzero(self.game.legal[team, slot]).tolist()
            raise ValueError(
                f"team {team}, slot {slot} cannot take action {actions[team, slot]} at step {self.game.view.step}: "
                f"action_mask allows {allowed}"
            )
