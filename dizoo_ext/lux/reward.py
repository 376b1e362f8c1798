"""What every member earned by itself in a step (docs/reference/lux.md#own-rewards)."""

from typing import NamedTuple

import numpy as np
from numba import njit

from dizoo_ext.lux.view import F_ICE, F_WATER, SLOT, TEAM, U_ICE, View

SCALE = 0.01
HASTE = 0.1
"""Ice is worth this share more at the start of a game than at its end."""
MINING = 0.1
"""Digging a piece of ice earns this share of what handing it over does."""
ICE_PER_WATER = 4
"""As the engine refines it."""
NOTHING = np.zeros((0, 0), np.int64)


class Stocks(NamedTuple):
    """What members hold, by team and slot."""

    is_there: np.ndarray
    """(2, M) bool."""
    ice: np.ndarray
    """(2, M) int64."""
    water: np.ndarray
    """(2, M) int64, of factories."""


def stocks(view: View, members: int) -> Stocks:
    """Both teams' holdings in a state of the game."""
    held = Stocks(np.zeros((2, members), np.bool_), np.zeros((2, members), np.int64), np.zeros((2, members), np.int64))
    _take_stock(view.units, view.factories, *held)
    return held


@njit(cache=True, nogil=True)
def _take_stock(units, factories, is_there, ice, water):
    for unit in units:
        is_there[unit[TEAM], unit[SLOT]] = True
        ice[unit[TEAM], unit[SLOT]] = unit[U_ICE]
    for factory in factories:
        is_there[factory[TEAM], factory[SLOT]] = True
        ice[factory[TEAM], factory[SLOT]] = factory[F_ICE]
        water[factory[TEAM], factory[SLOT]] = factory[F_WATER]


def own_rewards(
    before: Stocks,
    after: Stocks,
    factories: int,
    worth: float,
    by_stock: bool = False,
    drunk: int = 1,
    watered: np.ndarray | None = None,
) -> np.ndarray:
    """(2, M) float64; only who was there before and after the step earns.

    A unit is paid for ice that it dug and for ice that it handed over, a factory for ice that it received, whether or
    not it was refined in the same step.

    Args:
        factories: slots of factories, the first ones.
        worth: of a piece of ice at the step's end, see `ice_worth`.
        by_stock: pay a factory for growth of its stock of ice, as the original does: that misses what was refined.
        drunk: water that a factory uses in a step.
        watered: (2, factories) water spent on lichen in the step.
    """
    spent = NOTHING if watered is None else watered
    return _pay(*before, *after, factories, worth, by_stock, drunk, spent)


@njit(cache=True, nogil=True)
def _pay(was_there, ice, water, is_there, ice_now, water_now, factories, worth, by_stock, drunk, watered):
    teams, members = ice.shape
    reward = np.zeros((teams, members))
    for team in range(teams):
        for slot in range(members):
            if not (was_there[team, slot] and is_there[team, slot]):
                continue
            change = ice_now[team, slot] - ice[team, slot]
            if slot >= factories:
                pieces = MINING * max(change, 0) + max(-change, 0)
            elif by_stock:
                pieces = float(max(change, 0))
            else:
                used = drunk + (watered[team, slot] if len(watered) else 0)
                pieces = float(change + ICE_PER_WATER * (water_now[team, slot] - water[team, slot] + used))
            reward[team, slot] = worth * (pieces / ICE_PER_WATER) / 2
    return reward


def ice_worth(step: int, episode_limit: int) -> float:
    """Of a piece of ice, as water, before it is shared between giver and receiver."""
    return SCALE * (1 + HASTE * (episode_limit - step) / episode_limit)
