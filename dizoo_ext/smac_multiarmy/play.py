"""Two ways to play matches: in one compiled call on the embedded engine, or step by step on any engine."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.battle import new_battles
from dizoo_ext.smac_multiarmy.engine_interface import ORDERS, ROSTER, UNITS, Engine
from dizoo_ext.smac_multiarmy.kernel import (
    abort_rows,
    begin_embedded_rows,
    begin_rows,
    init_rows,
    order_rows,
    settle_rows,
    step_embedded_rows,
)
from dizoo_ext.smac_multiarmy.match import SETTLE_LOOPS, STEP_LOOPS
from dizoo_ext.smac_multiarmy.sc2.game_lost import GameLost

_SPAWN_ATTEMPTS = 3


class Play(ABC):
    """Plays a batch of matches; both kinds play the same matches to the last digit if the engines do."""

    def __init__(self, matches: np.ndarray, rules: np.ndarray, table: np.ndarray, scenarios: np.ndarray) -> None:
        """
        Args:
            matches: (B,) `match.MATCH` records, changed in place.
            rules: (1,) `match.RULES` record.
            table: unit table of the engine.
            scenarios: (S,) `scenarios.SCENARIO` records.
        """
        self._matches, self._rules, self._table, self._scenarios = matches, rules, table, scenarios
        self.rosters = np.zeros(len(matches), ROSTER)
        """(B,) who was spawned where."""
        self._units = np.zeros(len(matches), UNITS)
        self._orders = np.zeros(len(matches), ORDERS)
        self._orders["health"] = self._orders["shield"] = np.nan

    @abstractmethod
    def begin(self, rows: np.ndarray, choices: np.ndarray, index: int, armies: int) -> None:
        """Begin new episodes; see `placement.begin_match`."""

    @abstractmethod
    def step(self, rows: np.ndarray, actions: np.ndarray) -> None:
        """Play the checked joint actions (n, A)."""

    def close(self) -> None:
        """Release what the engines hold."""
        return None


class EmbeddedPlay(Play):
    """Rules and battles of all rows in one compiled call."""

    def __init__(self, matches: np.ndarray, rules: np.ndarray, table: np.ndarray, scenarios: np.ndarray) -> None:
        super().__init__(matches, rules, table, scenarios)
        self._battles = new_battles(len(matches))

    def begin(self, rows: np.ndarray, choices: np.ndarray, index: int, armies: int) -> None:
        begin_embedded_rows(
            self._matches,
            rows,
            self._rules,
            self._table,
            self._scenarios,
            choices,
            index,
            armies,
            self.rosters,
            self._battles,
            self._units,
            self._orders,
        )

    def step(self, rows: np.ndarray, actions: np.ndarray) -> None:
        step_embedded_rows(
            self._matches, rows, self._rules, self._table, actions, self._battles, self._units, self._orders
        )


class StagedPlay(Play):
    """One engine per row, the rows one after the other.

    A game that is lost in the middle of an episode ends it: no reward, nothing new to see, ``restarts`` in the
    episode's metrics. The engine starts another game at the next episode.
    """

    def __init__(
        self,
        matches: np.ndarray,
        rules: np.ndarray,
        table: np.ndarray,
        scenarios: np.ndarray,
        make_engine: Callable[[], Engine],
    ) -> None:
        super().__init__(matches, rules, table, scenarios)
        self.engines = [make_engine() for _ in matches]
        """One per row."""

    def begin(self, rows: np.ndarray, choices: np.ndarray, index: int, armies: int) -> None:
        begin_rows(self._matches, rows, self._rules, self._scenarios, choices, index, armies, self.rosters)
        for row in rows.tolist():
            self._spawn(row)
            one = np.array([row])
            init_rows(self._matches, one, self._rules, self._table, self.rosters, self._units, self._orders)
            self._order_enemies(row)

    def step(self, rows: np.ndarray, actions: np.ndarray) -> None:
        order_rows(self._matches, rows, self._table, actions, self._orders)
        for row in rows.tolist():
            engine, orders, one = self.engines[row], _record(self._orders, row), np.array([row])
            try:
                engine.order(orders)
                engine.advance(STEP_LOOPS)
                engine.read(_record(self._units, row))
            except GameLost as lost:
                logging.warning(f"environment {row}: the episode ends here, its game is lost: {lost}")
                abort_rows(self._matches, one)
                continue
            settle_rows(self._matches, one, self._rules, self._table, self._units, self._orders)
            if self._matches["running"][row]:
                self._order_enemies(row)

    def close(self) -> None:
        for engine in self.engines:
            engine.close()

    def _spawn(self, row: int) -> None:
        """Bring the roster onto the map, look at it and let it settle; several times if the game gets lost."""
        engine = self.engines[row]
        for attempt in range(1, _SPAWN_ATTEMPTS + 1):
            try:
                engine.begin(_record(self.rosters, row))
                engine.read(_record(self._units, row))
                engine.advance(SETTLE_LOOPS)
                return
            except GameLost as lost:
                if attempt == _SPAWN_ATTEMPTS:
                    raise
                logging.warning(f"environment {row}: beginning the episode again, its game is lost: {lost}")

    def _order_enemies(self, row: int) -> None:
        try:
            self.engines[row].order(_record(self._orders, row))
        except GameLost as lost:
            # This step is over and counts; the next one finds no game and ends the episode.
            logging.warning(f"environment {row}: the game is lost between two steps: {lost}")


def _record(records: np.ndarray, row: int) -> np.ndarray:
    """A () view of one record."""
    return records[row : row + 1].reshape(())
