"""The embedded battle: kernels for one `state.BATTLE` record, and entry points over the rows of a batch."""

import numpy as np
from numba import njit

from dizoo_ext.smac_multiarmy.embedded.movement import move_units
from dizoo_ext.smac_multiarmy.embedded.orders import give_order
from dizoo_ext.smac_multiarmy.embedded.plans import make_plans
from dizoo_ext.smac_multiarmy.embedded.spawn import spawn
from dizoo_ext.smac_multiarmy.embedded.state import BATTLE, ENEMIES_ONLY, NOBODY
from dizoo_ext.smac_multiarmy.embedded.weapons import bury_the_dead, run_timers, use_weapons
from dizoo_ext.smac_multiarmy.engine_interface import MAX_UNITS, SPAWN_LOOPS

__all__ = ["BATTLE", "advance_battle", "begin_battle", "new_battles", "order_battle", "read_battle"]


def new_battles(count: int) -> np.ndarray:
    """Room for ``count`` battles: (count,) `BATTLE` records, to be begun before anything else."""
    return np.zeros(count, dtype=BATTLE)


@njit
def begin_battle(battle, table, roster, map_size, autonomous=ENEMIES_ONLY):
    """Begin the battle of a `ROSTER` record on a square map and let `SPAWN_LOOPS` pass.

    ``table`` is a `units.unit_table`. Units of owners with bit ``1 << owner`` in ``autonomous`` look after themselves.
    """
    spawn(battle, table, roster, map_size, autonomous)
    advance_battle(battle, table, SPAWN_LOOPS)


@njit
def order_battle(battle, table, orders):
    """Give an `ORDERS` record. Orders to the dead are ignored, health and shield are kept within their bounds."""
    for slot in range(battle.units):
        unit = battle.number[slot]
        if not battle.alive[unit]:
            continue
        kind = table[battle.type[unit]]
        if not np.isnan(orders.health[slot]):
            battle.health[unit] = min(max(orders.health[slot], 0.0), kind.health)
        if not np.isnan(orders.shield[slot]):
            battle.shield[unit] = min(max(orders.shield[slot], 0.0), kind.shield)
        target = orders.target[slot]
        target = battle.number[target] if 0 <= target < battle.units else NOBODY
        give_order(battle, table, unit, orders.kind[slot], orders.x[slot], orders.y[slot], target)


@njit
def advance_battle(battle, table, loops):
    """Let game loops pass.

    In each, all units decide from the state at its beginning, and what they do to each other is settled at its end.
    """
    for _ in range(loops):
        run_timers(battle, table)
        make_plans(battle, table)
        use_weapons(battle, table)
        move_units(battle)
        bury_the_dead(battle)


@njit
def read_battle(battle, units):
    """Write the living units into a `UNITS` record; of all other slots only ``alive`` changes."""
    for slot in range(MAX_UNITS):
        units.alive[slot] = False
    for k in range(battle.living):
        unit = battle.roll[k]
        slot = battle.slot[unit]
        units.alive[slot] = True
        units.x[slot] = battle.x[unit]
        units.y[slot] = battle.y[unit]
        units.health[slot] = battle.health[unit]
        units.shield[slot] = battle.shield[unit]
        units.energy[slot] = battle.energy[unit]
        units.cooldown[slot] = battle.cooldown[unit]


@njit(cache=True, nogil=True)
def begin_rows(battles, rows, table, rosters, map_size, autonomous):
    """`begin_battle` in the ``rows`` of a batch; ``rosters`` has one record per row of the batch."""
    for row in rows:
        begin_battle(battles[row], table, rosters[row], map_size, autonomous)


@njit(cache=True, nogil=True)
def order_rows(battles, rows, table, orders):
    """`order_battle` in the ``rows`` of a batch."""
    for row in rows:
        order_battle(battles[row], table, orders[row])


@njit(cache=True, nogil=True)
def advance_rows(battles, rows, table, loops):
    """`advance_battle` in the ``rows`` of a batch."""
    for row in rows:
        advance_battle(battles[row], table, loops)


@njit(cache=True, nogil=True)
def read_rows(battles, rows, units):
    """`read_battle` in the ``rows`` of a batch."""
    for row in rows:
        read_battle(battles[row], units[row])
