"""An engine without battles, for what is not about them."""

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.units import unit_table
from dizoo_ext.smac_multiarmy.engine_interface import UNITS, Engine


class StillEngine(Engine):
    """Units stand on their points for ever, unless they are given no health."""

    def __init__(self) -> None:
        self._table = unit_table()
        self._units = np.zeros((), dtype=UNITS)

    def begin(self, roster: np.ndarray) -> None:
        number = int(roster["units"])
        types = self._table[roster["type"][:number]]
        self._units["alive"] = np.arange(len(self._units["alive"])) < number
        self._units["x"], self._units["y"] = roster["x"], roster["y"]
        for field in ("health", "shield", "energy"):
            self._units[field][:number] = types[field]

    def order(self, orders: np.ndarray) -> None:
        for field in ("health", "shield"):
            is_new = ~np.isnan(orders[field])
            self._units[field][is_new] = orders[field][is_new]
        self._units["alive"] &= self._units["health"] > 0

    def advance(self, loops: int) -> None:
        return None

    def read(self, units: np.ndarray) -> None:
        units[()] = self._units
