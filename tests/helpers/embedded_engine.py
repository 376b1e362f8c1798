"""The engine that needs no game: one battle in compiled kernels."""

from collections.abc import Collection

import numpy as np

from dizoo_ext.smac_multiarmy.embedded import battle
from dizoo_ext.smac_multiarmy.embedded.units import DEFAULT_PROFILE, UNIT_NAMES, unit_table
from dizoo_ext.smac_multiarmy.engine_interface import (
    ALLY,
    ATTACK_MOVE,
    ENEMY,
    MAX_UNITS,
    MOVE,
    ORDERS,
    ROSTER,
    SCAN_MOVE,
    UNITS,
    Engine,
)

_ROW = np.zeros(1, dtype=np.int64)
_POINT_ORDERS = (MOVE, ATTACK_MOVE, SCAN_MOVE)


class EmbeddedEngine(Engine):
    """One battle on an empty square map.

    Args:
        profile: the unit data, see `units.unit_table`.
        map_size: length of the map's sides.
        autonomous: the owners whose units look after themselves; the others' do nothing without an order.

    Raises:
        ValueError: there is no such profile or owner, or the map has no size.
    """

    def __init__(
        self, profile: str = DEFAULT_PROFILE, map_size: float = 32.0, autonomous: Collection[int] = (ENEMY,)
    ) -> None:
        if not 0 < map_size < np.inf:
            raise ValueError(f"the map's side must be a positive length, got {map_size}")
        if strangers := set(autonomous) - {ALLY, ENEMY}:
            raise ValueError(f"owners are ALLY ({ALLY}) and ENEMY ({ENEMY}), got {sorted(strangers)}")
        self._table = unit_table(profile)
        self._map_size = float(map_size)
        self._autonomous = sum(1 << owner for owner in set(autonomous))
        self._battles = battle.new_battles(1)
        self._has_begun = False

    def begin(self, roster: np.ndarray) -> None:
        """See `Engine.begin`.

        Raises:
            ValueError: the roster is no () `ROSTER` record, or holds too many units, an unknown type or owner, or a
                position that is not finite.
        """
        record = _record(roster, ROSTER, "roster")
        units = int(record["units"][0])
        if not 0 <= units <= MAX_UNITS:
            raise ValueError(f"a roster holds 0 to {MAX_UNITS} units, got {units}")
        types, owners = record["type"][0, :units], record["owner"][0, :units]
        if units and not (types.min() >= 0 and types.max() < len(UNIT_NAMES)):
            raise ValueError(f"types of units are 0 to {len(UNIT_NAMES) - 1} (units.UNIT_NAMES), got {types.tolist()}")
        if not np.isin(owners, (ALLY, ENEMY)).all():
            raise ValueError(f"owners are ALLY ({ALLY}) and ENEMY ({ENEMY}), got {owners.tolist()}")
        if not np.isfinite([record["x"][0, :units], record["y"][0, :units]]).all():
            raise ValueError("a unit's position is not finite")
        battle.begin_rows(self._battles, _ROW, self._table, record, self._map_size, self._autonomous)
        self._has_begun = True

    def order(self, orders: np.ndarray) -> None:
        """See `Engine.order`.

        Raises:
            RuntimeError: no battle was begun.
            ValueError: the orders are no () `ORDERS` record, or a kind is unknown or a point not finite.
        """
        self._check_begun()
        record = _record(orders, ORDERS, "orders")
        units = int(self._battles["units"][0])
        kinds = record["kind"][0, :units]
        if ((kinds < 0) | (kinds > SCAN_MOVE)).any():
            raise ValueError(f"kinds of orders are 0 to {SCAN_MOVE} (interface), got {kinds.tolist()}")
        has_point = np.isin(kinds, _POINT_ORDERS)
        if not np.isfinite([record["x"][0, :units][has_point], record["y"][0, :units][has_point]]).all():
            raise ValueError("an order leads to a point that is not finite")
        battle.order_rows(self._battles, _ROW, self._table, record)

    def advance(self, loops: int) -> None:
        """See `Engine.advance`.

        Raises:
            RuntimeError: no battle was begun.
            ValueError: the number of loops is negative.
        """
        self._check_begun()
        if loops < 0:
            raise ValueError(f"time does not run backwards: {loops} loops")
        battle.advance_rows(self._battles, _ROW, self._table, loops)

    def read(self, units: np.ndarray) -> None:
        """See `Engine.read`.

        Raises:
            RuntimeError: no battle was begun.
            ValueError: ``units`` is no () `UNITS` record.
        """
        self._check_begun()
        battle.read_rows(self._battles, _ROW, _record(units, UNITS, "units"))

    def _check_begun(self) -> None:
        if not self._has_begun:
            raise RuntimeError("no battle was begun; call begin() with a roster first")


def _record(record: np.ndarray, dtype: np.dtype, name: str) -> np.ndarray:
    """A (1,) view of a () record array."""
    if not isinstance(record, np.ndarray) or record.dtype != dtype or record.shape != ():
        raise ValueError(f"{name} must be a () array of the dtype interface.{name.upper()}")
    return record.reshape(1)
