"""One game of Lux: the engine, what both teams may do, and what their members earn."""

from functools import cached_property
from typing import Any

import numpy as np

from dizoo_ext.lux.controller import engine_actions
from dizoo_ext.lux.engine import new_engine
from dizoo_ext.lux.masks import legal_actions
from dizoo_ext.lux.placement import play_early_phase
from dizoo_ext.lux.planes import draw_planes
from dizoo_ext.lux.reward import Stocks, ice_worth, own_rewards, stocks
from dizoo_ext.lux.settings import PLAYERS, WATER, LuxSettings, unit_table
from dizoo_ext.lux.view import F_COST, F_STRAIN, F_WATER, SLOT, TEAM, Reader, View

_ENGINE_SEEDS = 2**31
_TRIES = 100
KEPT_WATER = 1000
"""What factories that are kept alive hold."""


class LuxGame:
    """A game that is played by actions (2, M), one per team and slot.

    The early phase is played inside `reset`, and there is no state before it. Every state is read once (`view`), and
    `legal` and `stocks` are computed at most once from it.

    Args:
        kept_alive: team whose factories are given water at every step, so that they never die; None for none.
    """

    def __init__(self, settings: LuxSettings, kept_alive: int | None = None) -> None:
        self.settings = settings
        self._kept_alive = kept_alive

    @cached_property
    def engine(self) -> Any:
        """The engine; it is imported here, when a game begins."""
        return new_engine(self.settings.lichen, **self.settings.engine_fields())

    @cached_property
    def table(self) -> np.ndarray:
        """`dizoo_ext.lux.settings.unit_table` of the engine."""
        return unit_table(self.engine.env_cfg)

    @cached_property
    def _clock(self) -> np.ndarray:
        cfg = self.engine.env_cfg
        return np.array([cfg.max_episode_length, cfg.CYCLE_LENGTH, cfg.DAY_LENGTH, cfg.MAX_RUBBLE], float)

    def reset(self, generator: np.random.RandomState, map_seed: int | None = None) -> None:
        """Draw a map, or take the one of ``map_seed``, and play the early phase.

        A map on which a team finds no place for any factory is replaced by the next one.
        """
        settings = self.settings
        for attempt in range(_TRIES):
            self.map_seed = int(generator.randint(_ENGINE_SEEDS)) if map_seed is None else map_seed + attempt
            self.engine.reset(seed=self.map_seed)
            play_early_phase(self.engine, settings.bids, settings.placement, generator)
            if all(self.engine.state.factories[player] for player in PLAYERS) and self.engine.agents:
                break
        else:
            raise RuntimeError(
                f"no map among {_TRIES} has a place for both teams' factories; raise env.map_size or lower env.bids"
            )
        self._reader = Reader(settings)
        self.lived = np.zeros(2)
        """(2,) living factories of each team, summed over the steps."""
        self.engine_reward = np.zeros(2)
        """(2,) the engine's reward of the last step: lichen, or -1000 for a team that lost."""
        self._look()

    @property
    def view(self) -> View:
        """The present state."""
        return self._state.view

    @property
    def legal(self) -> np.ndarray:
        """(2, M, 31) bool."""
        return self._state.legal

    @property
    def stocks(self) -> Stocks:
        """What members hold."""
        return self._state.stocks

    @property
    def is_over(self) -> bool:
        """A team has lost its last factory, or the game's limit is reached."""
        return not self.engine.agents

    @property
    def is_at_limit(self) -> bool:
        """The game ended with both teams alive."""
        alive = all(self.engine.state.factories[player] for player in PLAYERS)
        return self.is_over and alive and self.view.step >= self.settings.episode_limit

    @property
    def is_day(self) -> bool:
        """Units are charged by the sun."""
        _, cycle, day, _ = self._clock
        return bool(self.view.step % cycle < day)

    def planes(self, teams: int) -> np.ndarray:
        """(teams, C, W, W) float32, what the first ``teams`` teams see."""
        return draw_planes(self.view, teams, self.settings.planes, self._clock, self.table)

    def step(self, actions: np.ndarray) -> np.ndarray:
        """Advance by one action per member (2, M) int, legal ones; returns what every member earned, (2, M) float64."""
        before, engine = self._state, self.engine
        sent = self.orders(actions)
        _, reward, *_ = engine.step(sent)
        self.engine_reward = np.array([float(reward[player]) for player in PLAYERS])
        watered = self._watered(before.view, actions) if self.settings.lichen else None
        self._look()
        self.lived += [len(engine.state.factories[player]) for player in PLAYERS]
        return own_rewards(
            before.stocks,
            self.stocks,
            self.settings.max_factories,
            ice_worth(self.view.step, self.settings.episode_limit),
            self.settings.factory_reward == "stock",
            engine.env_cfg.FACTORY_WATER_CONSUMPTION,
            watered,
        )

    def orders(self, actions: np.ndarray) -> dict[str, Any]:
        """What both teams send to the engine for actions (2, M)."""
        limit = self.engine.env_cfg.max_transfer_amount
        return {
            player: engine_actions(self.view, team, actions[team], self.table, self.engine.state.units[player], limit)
            for team, player in enumerate(PLAYERS)
        }

    def _look(self) -> None:
        state = self.engine.state
        if self._kept_alive is not None:
            for factory in state.factories[PLAYERS[self._kept_alive]].values():
                factory.cargo.water = KEPT_WATER
        self._state = _State(self._reader.read(state), self.settings, self.table)

    def _watered(self, before: View, actions: np.ndarray) -> np.ndarray:
        """(2, factories) water that each factory spent on lichen in the step just played."""
        spent = np.zeros((2, self.settings.max_factories), np.int64)
        state = self.engine.state
        for row in before.factories:
            factory = state.factories[PLAYERS[row[TEAM]]].get(f"factory_{row[F_STRAIN]}")
            if factory is None or actions[row[TEAM], row[SLOT]] != WATER or row[F_COST] > row[F_WATER]:
                continue
            cost = factory.water_cost(state.env_cfg)
            spent[row[TEAM], row[SLOT]] = cost if cost <= row[F_WATER] else 0
        return spent


class _State:
    """A view and what is computed from it, each at most once."""

    def __init__(self, view: View, settings: LuxSettings, table: np.ndarray) -> None:
        self.view = view
        self._settings = settings
        self._table = table

    @cached_property
    def legal(self) -> np.ndarray:
        return legal_actions(self.view, self._settings.members, self._table, self._settings.lichen)

    @cached_property
    def stocks(self) -> Stocks:
        return stocks(self.view, self._settings.members)
