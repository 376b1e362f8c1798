"""The early phase of a game: bids, and where factories are set (docs/reference/lux.md#early-phase)."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dizoo_ext.lux.settings import PLAYERS

FACTIONS = ("AlphaStrike", "MotherMars")
RIM = [(dx, dy) for dx in range(-2, 3) for dy in range(-2, 3) if abs(dx) + abs(dy) < 4 and 2 in (abs(dx), abs(dy))]
"""The 12 tiles that touch a factory's sides, from its centre."""
_SIGMA = 3
_ENOUGH = 3.0
_SMALL = 1e-3
ICE_AT_RIM, ICE_NEAR, ORE_NEAR, RUBBLE_NEAR, OWN_NEAR = 10.0, 1.0, 1e-4, -0.025, -0.1
"""Weights of the logarithms that a place's score sums up."""


def play_early_phase(engine: Any, bids: Sequence[int], how: str, generator: np.random.RandomState) -> None:
    """Bid, then set all factories of both teams; the engine has just been reset.

    Args:
        bids: of both teams.
        how: 'ice', the best place by `place_scores`, or 'random', any legal one.
        generator: draws places under 'random'.
    """
    engine.step({p: {"faction": f, "bid": b} for p, f, b in zip(PLAYERS, FACTIONS, bids, strict=True)})
    while engine.state.real_env_steps < 0 and engine.agents:
        actions: dict[str, Any] = {player: {} for player in PLAYERS}
        # The engine lets the team that places first act at its odd steps.
        first_acts = engine.state.env_steps % 2 == 1
        player = next(p for p in PLAYERS if engine.state.teams[p].place_first == first_acts)
        actions[player] = _placement(engine.state, player, how, generator)
        engine.step(actions)


def _placement(state: Any, player: str, how: str, generator: np.random.RandomState) -> dict[str, Any]:
    """Empty if no place is left."""
    team, board = state.teams[player], state.board
    legal = np.asarray(board.valid_spawns_mask, bool)
    if not legal.any() or team.factories_to_place < 1:
        return {}
    if how == "random":
        place = int(generator.choice(np.flatnonzero(legal)))
    else:
        own = np.zeros(legal.shape)
        for factory in state.factories[player].values():
            own[factory.pos_slice] = 1
        place = best_place(legal, board.ice, board.ore, board.rubble, own)
    left = team.factories_to_place
    spawn = [place // legal.shape[1], place % legal.shape[1]]
    return {"spawn": spawn, "metal": team.init_metal // left, "water": team.init_water // left}


def best_place(legal: np.ndarray, ice: np.ndarray, ore: np.ndarray, rubble: np.ndarray, own: np.ndarray) -> int:
    """Flat index of the best legal tile that touches ice, or of the best legal one if none does; the first of equals.

    Args: boards (W, W), ``own`` 1 under own factories.
    """
    rim = ice_at_rim(ice)
    scores = place_scores(rim, ice, ore, rubble, own)
    candidates = legal & (rim > 0)
    return int(np.where(candidates if candidates.any() else legal, scores, -np.inf).argmax())


def ice_at_rim(ice: np.ndarray) -> np.ndarray:
    """(W, W), tiles of ice at the sides of a factory with its centre here."""
    padded = np.pad(np.asarray(ice) > 0, 2)
    width, height = ice.shape
    shifted = (padded[2 + dx : 2 + dx + width, 2 + dy : 2 + dy + height].astype(int) for dx, dy in RIM)
    return sum(shifted, np.zeros(ice.shape, int))


def place_scores(rim: np.ndarray, ice: np.ndarray, ore: np.ndarray, rubble: np.ndarray, own: np.ndarray) -> np.ndarray:
    """(W, W): ice at the factory's sides counts most; little rubble, and distance from own factories, decide then."""
    # Installed with the engine.
    from scipy.ndimage import gaussian_filter

    peak = gaussian_filter(np.ones((1, 1)), _SIGMA, mode="constant").item()

    def near(board: np.ndarray) -> np.ndarray:
        return gaussian_filter(np.asarray(board, float), _SIGMA, mode="constant") / peak

    return (
        ICE_AT_RIM * np.log(rim + _SMALL)
        + ICE_NEAR * np.log(np.minimum(near(ice), _ENOUGH) + _SMALL)
        + ORE_NEAR * np.log(np.minimum(near(ore), _ENOUGH) + _SMALL)
        + RUBBLE_NEAR * np.log(near(rubble) + _SMALL)
        + OWN_NEAR * np.log(np.minimum(near(own), _ENOUGH) + _SMALL)
    )
