"""Rosters, orders and looks at battles for the engine's tests."""

import numpy as np
from embedded_engine import EmbeddedEngine

from dizoo_ext.smac_multiarmy.embedded.battle import advance_rows, begin_rows, new_battles, order_rows, read_rows
from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import ALLY, ENEMY, ORDERS, ROSTER, UNITS

BOTH_AUTONOMOUS = (1 << ALLY) | (1 << ENEMY)
MAP_SIZE = 32.0


def type_of(name: str) -> int:
    return UNIT_NAMES.index(name)


def roster_of(units: list[tuple], seed: int = 0) -> np.ndarray:
    """A () `ROSTER` record of (name, owner, x, y) tuples."""
    roster = np.zeros((), dtype=ROSTER)
    roster["units"] = len(units)
    roster["seed"] = seed
    for slot, (name, owner, x, y) in enumerate(units):
        roster["type"][slot] = type_of(name)
        roster["owner"][slot] = owner
        roster["x"][slot] = x
        roster["y"][slot] = y
    return roster


def orders_of(orders: dict[int, tuple] = {}, health: dict = {}, shield: dict = {}) -> np.ndarray:  # noqa: B006
    """A () `ORDERS` record of {slot: (kind, target)} and {slot: (kind, x, y)}, and of new values by slot."""
    record = np.zeros((), dtype=ORDERS)
    record["health"] = record["shield"] = np.nan
    for slot, (kind, *where) in orders.items():
        record["kind"][slot] = kind
        if len(where) == 2:
            record["x"][slot], record["y"][slot] = where
        elif where:
            record["target"][slot] = where[0]
    for slot, value in health.items():
        record["health"][slot] = value
    for slot, value in shield.items():
        record["shield"][slot] = value
    return record


class Stage:
    """One battle of the embedded engine, watched after every loop."""

    def __init__(self, *units: tuple, seed: int = 0, profile: str = "lotv", autonomous: tuple = (ENEMY,)) -> None:
        self.table = unit_table(profile)
        self.types = [self.table[type_of(unit[0])] for unit in units]
        self.engine = EmbeddedEngine(profile, MAP_SIZE, autonomous)
        self.engine.begin(roster_of(list(units), seed))
        self.seen = self.look()

    def order(self, orders: dict[int, tuple] = {}, health: dict = {}, shield: dict = {}) -> None:  # noqa: B006
        self.engine.order(orders_of(orders, health, shield))

    def look(self) -> np.ndarray:
        units = np.zeros((), dtype=UNITS)
        self.engine.read(units)
        return units

    def watch(self, loops: int) -> np.ndarray:
        """(loops,) `UNITS`, one after every loop; those of dead units keep their numbers."""
        units = np.zeros(loops, dtype=UNITS)
        for loop in range(loops):
            self.engine.advance(1)
            record = self.seen.copy()
            self.engine.read(record)
            units[loop] = self.seen = record
        return units

    def gap(self, one: int, other: int) -> float:
        """Distance between the edges of two units."""
        x, y = self.seen["x"].astype(float), self.seen["y"].astype(float)
        radii = self.types[one]["radius"] + self.types[other]["radius"]
        return float(np.hypot(x[one] - x[other], y[one] - y[other]) - radii)

    def place(self, slot: int) -> np.ndarray:
        return np.array([self.seen["x"][slot], self.seen["y"][slot]])


class Battles:
    """A batch of battles."""

    def __init__(self, rosters: np.ndarray, autonomous: int = BOTH_AUTONOMOUS, table: np.ndarray | None = None) -> None:
        self.table = unit_table() if table is None else table
        self.rosters = rosters
        self.rows = np.arange(len(rosters))
        self.records = new_battles(len(rosters))
        self.units = np.zeros(len(rosters), dtype=UNITS)
        begin_rows(self.records, self.rows, self.table, rosters, MAP_SIZE, autonomous)
        read_rows(self.records, self.rows, self.units)

    def order(self, orders: np.ndarray) -> None:
        order_rows(self.records, self.rows, self.table, orders)

    def advance(self, loops: int) -> None:
        advance_rows(self.records, self.rows, self.table, loops)
        read_rows(self.records, self.rows, self.units)

    def is_alive(self, owner: int) -> np.ndarray:
        """(B,) bool: an armed unit of the owner is alive."""
        slots = np.arange(self.units["alive"].shape[1]) < self.rosters["units"][:, None]
        armed = self.table["damage"][self.rosters["type"]] > 0
        return (slots & armed & (self.rosters["owner"] == owner) & (self.units["alive"] != 0)).any(axis=1)
