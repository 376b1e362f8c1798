"""Which members of a team share a trajectory: the thesis' rules (docs/reference/lux.md#trajectories)."""

from collections.abc import Callable

import numpy as np

from dizoo_ext.lux.settings import LuxSettings
from dizoo_ext.lux.view import F_X, F_Y, SLOT, TEAM, U_HEAVY, U_X, U_Y, View

Rule = Callable[[View, int, LuxSettings, int], np.ndarray]
"""View, team, settings, number of unit trajectories -> (M,) int64, trajectory of every slot, in [0, M)."""


def _entity(view: View, team: int, settings: LuxSettings, unit_trajectories: int) -> np.ndarray:
    return np.arange(settings.members)


def _single(view: View, team: int, settings: LuxSettings, unit_trajectories: int) -> np.ndarray:
    return np.zeros(settings.members, np.int64)


def _kind(view: View, team: int, settings: LuxSettings, unit_trajectories: int) -> np.ndarray:
    return (np.arange(settings.members) >= settings.max_factories).astype(np.int64)


def _global_factories(view: View, team: int, settings: LuxSettings, unit_trajectories: int) -> np.ndarray:
    slots = np.arange(settings.members)
    return np.where(slots < settings.max_factories, 0, slots)


def _unit_trajectories(view: View, team: int, settings: LuxSettings, unit_trajectories: int) -> np.ndarray:
    slots, first = np.arange(settings.members), settings.max_factories
    return np.where(slots < first, slots, first + (slots - first) % unit_trajectories)


def _quadrants(view: View, team: int, settings: LuxSettings, unit_trajectories: int) -> np.ndarray:
    trajectories, units = _entity(view, team, settings, 0), _own_units(view, team)
    half = settings.map_size / 2
    trajectories[units[:, SLOT]] = settings.max_factories + (units[:, U_X] >= half) + 2 * (units[:, U_Y] >= half)
    return trajectories


def _closest_factory(view: View, team: int, settings: LuxSettings, unit_trajectories: int) -> np.ndarray:
    trajectories, units = _entity(view, team, settings, 0), _own_units(view, team)
    factories = view.factories[view.factories[:, TEAM] == team]
    if len(factories):
        trajectories[units[:, SLOT]] = factories[_nearest(units, factories[:, [F_X, F_Y]]), SLOT]
    return trajectories


def _closest_heavy(view: View, team: int, settings: LuxSettings, unit_trajectories: int) -> np.ndarray:
    trajectories, units = _entity(view, team, settings, 0), _own_units(view, team)
    heavies = units[units[:, U_HEAVY] == 1]
    trajectories[units[:, SLOT]] = settings.max_factories
    if len(heavies):
        trajectories[units[:, SLOT]] = heavies[_nearest(units, heavies[:, [U_X, U_Y]]), SLOT]
    return trajectories


RULES: dict[str, Rule] = {
    "entity": _entity,
    "single": _single,
    "kind": _kind,
    "global_factories": _global_factories,
    "unit_trajectories": _unit_trajectories,
    "quadrants": _quadrants,
    "closest_factory": _closest_factory,
    "closest_heavy": _closest_heavy,
}
"""By the names that configs use.

- 'entity': every member by itself (the method).
- 'single': all members together.
- 'kind': all factories together, all units together.
- 'global_factories': all factories together, every unit by itself.
- 'unit_trajectories': every factory by itself, units by slot in a given number of trajectories (1: all units together).
- 'quadrants': units by the quarter of the map that they are in.
- 'closest_factory': a unit joins the nearest own factory.
- 'closest_heavy': a unit joins the nearest own heavy unit; without any, all units are together.
"""


def member_trajectories(view: View, teams: int, settings: LuxSettings, rule: str, unit_trajectories: int) -> np.ndarray:
    """(teams, M) int64, the trajectory of every member of the first ``teams`` players."""
    return np.stack([RULES[rule](view, team, settings, unit_trajectories) for team in range(teams)])


def _own_units(view: View, team: int) -> np.ndarray:
    return view.units[view.units[:, TEAM] == team]


def _nearest(units: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n,) row of the nearest place (Manhattan; the first of equals) for each unit."""
    return np.abs(units[:, None, [U_X, U_Y]] - places).sum(2).argmin(1)
