"""The door between the environment's rules and the engine that plays the battle.

See docs/reference/smac.md#engine-interface.

Rules and engines exchange three records, whose per-unit arrays are indexed by *slot*: the position of a unit in the
roster it was spawned from. All numbers that cross the door are float32, as in the game's own protocol, so that every
engine shows the rules the same digits.
"""

from abc import ABC, abstractmethod

import numpy as np

MAX_UNITS = 64
"""Units of both sides of one battle."""
ALLY, ENEMY = 0, 1
"""Owners. Allied units do nothing without an order; enemy units look after themselves."""
KEEP, STOP, MOVE, ATTACK, HEAL, ATTACK_MOVE, SCAN_MOVE = range(7)
"""Kinds of orders. KEEP gives none; MOVE, ATTACK_MOVE and SCAN_MOVE (what healers do on an attack) go to a point,
ATTACK and HEAL to a unit. An order replaces the unit's previous one; one that cannot be carried out is refused, and the
previous order goes on."""
SPAWN_LOOPS = 2
"""Game loops between the spawn of a roster and the first look at it."""

ROSTER = np.dtype(
    [
        ("units", np.int32),
        ("seed", np.uint32),
        ("type", np.int8, MAX_UNITS),
        ("owner", np.int8, MAX_UNITS),
        ("x", np.float32, MAX_UNITS),
        ("y", np.float32, MAX_UNITS),
    ],
    align=True,
)
"""What to spawn, in order of creation: types index `units.UNIT_NAMES`, positions are map coordinates and may coincide
(the engine spreads the units); ``seed`` starts the battle's own random stream."""

ORDERS = np.dtype(
    [
        ("kind", np.int8, MAX_UNITS),
        ("x", np.float32, MAX_UNITS),
        ("y", np.float32, MAX_UNITS),
        ("target", np.int16, MAX_UNITS),
        ("health", np.float32, MAX_UNITS),
        ("shield", np.float32, MAX_UNITS),
    ],
    align=True,
)
"""One order per slot, and new values of health and shield, NaN to leave them alone."""

UNITS = np.dtype(
    [
        ("alive", np.int8, MAX_UNITS),
        ("x", np.float32, MAX_UNITS),
        ("y", np.float32, MAX_UNITS),
        ("health", np.float32, MAX_UNITS),
        ("shield", np.float32, MAX_UNITS),
        ("energy", np.float32, MAX_UNITS),
        ("cooldown", np.float32, MAX_UNITS),
    ],
    align=True,
)
"""What can be seen of every slot; ``cooldown`` in game loops. The numbers of a dead unit are the last ones seen.

``alive`` is 1 or 0, not a bool, because compiled code cannot read arrays of bools inside records: compare it with 0
before you index with it.
"""


class Engine(ABC):
    """One battle at a time: spawn, order, advance, look."""

    @abstractmethod
    def begin(self, roster: np.ndarray) -> None:
        """Clear the map, spawn a () `ROSTER` record and let `SPAWN_LOOPS` pass."""

    @abstractmethod
    def order(self, orders: np.ndarray) -> None:
        """Give the orders of a () `ORDERS` record; they take effect with the next loop."""

    @abstractmethod
    def advance(self, loops: int) -> None:
        """Let ``loops`` game loops (1/16 game second each) pass."""

    @abstractmethod
    def read(self, units: np.ndarray) -> None:
        """Write what can be seen now into a () `UNITS` record; slots of dead units keep their numbers."""

    def close(self) -> None:
        """Release what the engine holds."""
        return None
