"""What every member earned by itself in a step (lux.md, 4.5)."""

from typing import NamedTuple

import numpy as np

from dizoo_ext.lux.view import F_ICE, F_WATER, SLOT, TEAM, U_ICE, View

SCALE = 0.01
HASTE = 0.1
"""Ice is worth this share more at the start of a game than at its end."""
MINING = 0.1
"""Digging a piece of ice earns this share of what handing it over does."""
ICE_PER_WATER = 4
"""As the engine refines it."""


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
    is_there = np.zeros((2, members), np.bool_)
    ice = np.zeros((2, members), np.int64)
    water = np.zeros((2, members), np.int64)
    units, factories = view.units, view.factories
    at_unit = units[:, TEAM], units[:, SLOT]
    at_factory = factories[:, TEAM], factories[:, SLOT]
    is_there[at_unit] = is_there[at_factory] = True
    ice[at_unit], ice[at_factory] = units[:, U_ICE], factories[:, F_ICE]
    water[at_factory] = factories[:, F_WATER]
    return Stocks(is_there, ice, water)


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
    change = (after.ice - before.ice).astype(float)
    dug, given = np.maximum(change, 0), np.maximum(-change, 0)
    pieces = MINING * dug + given
    received = change[:, :factories]
    if by_stock:
        received = dug[:, :factories]
    else:
        refined = after.water[:, :factories] - before.water[:, :factories] + drunk
        received = received + ICE_PER_WATER * (refined if watered is None else refined + watered)
    pieces[:, :factories] = received
    return np.where(before.is_there & after.is_there, worth * (pieces / ICE_PER_WATER) / 2, 0.0)


def ice_worth(step: int, episode_limit: int) -> float:
    """Of a piece of ice, as water, before it is shared between giver and receiver."""
    return SCALE * (1 + HASTE * (episode_limit - step) / episode_limit)
