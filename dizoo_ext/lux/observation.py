"""What policies over maps are handed (the keys of ``lux``)."""

import gym
import numpy as np

from dizoo_ext.contract import MapSpec
from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.settings import FACTORY, UNIT
from dizoo_ext.lux.trajectories import member_trajectories
from dizoo_ext.lux.view import F_X, F_Y, SLOT, TEAM, U_X, U_Y

PLANE_TYPES = ("float32", "float16")


def map_observation(
    game: LuxGame, teams: slice, trajectories: str, unit_trajectories: int, plane_type: str
) -> dict[str, np.ndarray]:
    """Observations of P teams, freshly allocated.

    Args:
        teams: which of the two.
        trajectories, unit_trajectories: see `dizoo_ext.lux.trajectories`.
        plane_type: one of `PLANE_TYPES`.

    Returns:
        ``planes`` (P, C, W, W), ``member_mask`` (P, M) bool, ``member_type`` (P, M) int64 (0 factory, 1 unit),
        ``member_position`` (P, M, 2) int64 [x, y], ``member_trajectory`` (P, M) int64 and ``action_mask``
        (P, M, 31) bool.
    """
    settings, view = game.settings, game.view
    position = np.zeros((2, settings.members, 2), np.int64)
    for rows, x, y in ((view.units, U_X, U_Y), (view.factories, F_X, F_Y)):
        position[rows[:, TEAM], rows[:, SLOT]] = rows[:, [x, y]]
    kinds = np.where(np.arange(settings.members) < settings.max_factories, FACTORY, UNIT)
    shown = range(2)[teams]
    of_member = member_trajectories(view, shown.stop, settings, trajectories, unit_trajectories)
    return {
        "planes": game.planes(shown.stop)[shown.start :].astype(plane_type, copy=False),
        "member_mask": game.stocks.is_there[teams].copy(),
        "member_type": np.tile(kinds, (len(shown), 1)),
        "member_position": position[teams],
        "member_trajectory": of_member[shown.start :],
        "action_mask": game.legal[teams].copy(),
    }


def map_space(spec: MapSpec, plane_type: str) -> gym.spaces.Dict:
    """The space of `map_observation`."""
    members, size = spec.members, spec.map_size

    def box(*shape: int, dtype: type | str, low: float, high: float) -> gym.spaces.Box:
        return gym.spaces.Box(low, high, (spec.teams, *shape), np.dtype(dtype).type)

    return gym.spaces.Dict(
        {
            "planes": box(spec.planes, size, size, dtype=plane_type, low=-np.inf, high=np.inf),
            "member_mask": box(members, dtype=np.bool_, low=0, high=1),
            "member_type": box(members, dtype=np.int64, low=0, high=spec.member_types - 1),
            "member_position": box(members, 2, dtype=np.int64, low=0, high=size - 1),
            "member_trajectory": box(members, dtype=np.int64, low=0, high=members - 1),
            "action_mask": box(members, spec.actions, dtype=np.bool_, low=0, high=1),
        }
    )
