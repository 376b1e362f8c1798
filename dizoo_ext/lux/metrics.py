"""What is reported of a finished game."""

import numpy as np

from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.settings import PLAYERS

TEAM_METRICS = ("ice_transferred", "ice_mined", "factories_alive", "units_built", "power_picked_up", "lichen")
METRICS = (
    "episode_length",
    "won",
    *(f"{name}_{player}" for player in PLAYERS for name in TEAM_METRICS),
    "return",
    *TEAM_METRICS,
)
"""Names in the order of `game_metrics`."""


def game_metrics(game: LuxGame, returns: np.ndarray) -> dict[str, float]:
    """Metric -> value: those of the game, then each team's, then their mean over the teams that are played.

    - ``episode_length``: steps until a team lost its last factory, at most the game's limit.
    - ``won``: 1 where player_0 has the larger reward of the engine (more lichen, or alive alone), 1/2 for a draw.
    - ``return``: sum of the members' own rewards.
    - ``ice_transferred``: ice that units handed over to factories.
    - ``ice_mined``: ice that units dug.
    - ``factories_alive``: living factories, summed over the steps, over the game's limit (not over its length).
    - ``units_built``, ``power_picked_up``: as the engine counts.
    - ``lichen``: on tiles of the team at the end, 0 for a team that lost.

    Args:
        returns: (P,) of the teams that are played.
    """
    rewards = game.engine_reward
    metrics = {"episode_length": float(game.view.step), "won": float(np.sign(rewards[0] - rewards[1]) + 1) / 2}
    teams = [_team_metrics(game, team, player) for team, player in enumerate(PLAYERS)]
    for player, team in zip(PLAYERS, teams, strict=True):
        metrics |= {f"{name}_{player}": value for name, value in team.items()}
    metrics["return"] = float(np.mean(returns))
    played = teams[: len(returns)]
    return metrics | {name: float(np.mean([team[name] for team in played])) for name in TEAM_METRICS}


def _team_metrics(game: LuxGame, team: int, player: str) -> dict[str, float]:
    counts = game.engine.state.stats[player]
    values = (
        counts["transfer"]["ice"],
        sum(counts["generation"]["ice"].values()),
        game.lived[team] / game.settings.episode_limit,
        sum(counts["generation"]["built"].values()),
        counts["pickup"]["power"],
        max(game.engine_reward[team], 0),
    )
    return dict(zip(TEAM_METRICS, map(float, values), strict=True))
