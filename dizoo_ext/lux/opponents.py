"""Who plays the second team."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib import import_module

import numpy as np

from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.heuristic import heuristic_actions
from dizoo_ext.lux.settings import WAIT, LuxSettings
from dizoo_ext.random_stream import random_legal_actions

SELF, KEPT_ALIVE, CHECKPOINT = "self", "none", "checkpoint"
OPPONENTS = (SELF, KEPT_ALIVE, "idle", "random", "heuristic", CHECKPOINT)
"""By the names that configs use.

- 'self': nobody; the policy plays both teams.
- 'none': nothing is done, but the factories are given water and never die.
- 'idle': nothing is done; its factories run dry at step 151, which ends the game.
- 'random': random legal actions.
- 'heuristic': `dizoo_ext.lux.heuristic`.
- 'checkpoint': the policy of another run (self-play against the past).
"""


class Opponent(ABC):
    """A player of one team."""

    @abstractmethod
    def act(self, game: LuxGame, team: int, generator: np.random.Generator) -> np.ndarray:
        """Legal actions (M,) int64 of ``team``; ``generator`` is the opponent's own stream."""


class Idle(Opponent):
    def act(self, game: LuxGame, team: int, generator: np.random.Generator) -> np.ndarray:
        return no_actions(game.settings)


class RandomLegal(Opponent):
    def act(self, game: LuxGame, team: int, generator: np.random.Generator) -> np.ndarray:
        return random_legal_actions(game.legal[team], generator)


class Heuristic(Opponent):
    def act(self, game: LuxGame, team: int, generator: np.random.Generator) -> np.ndarray:
        return heuristic_actions(game, team)


class Checkpoint(Opponent):
    """Args: path, see `checkpoint_player.CheckpointPlayer`."""

    def __init__(self, path: str) -> None:
        # Nobody else needs DI-engine and torch.
        player = import_module("dizoo_ext.lux.checkpoint_player")
        self._player = player.CheckpointPlayer(path)

    def act(self, game: LuxGame, team: int, generator: np.random.Generator) -> np.ndarray:
        return self._player.act(game, team, generator)


_RULES: Mapping[str, Callable[[], Opponent]] = {
    KEPT_ALIVE: Idle,
    "idle": Idle,
    "random": RandomLegal,
    "heuristic": Heuristic,
}


def make_opponent(name: str, checkpoint: str) -> Opponent | None:
    """The opponent of a checked name; None under 'self'."""
    if name == SELF:
        return None
    if name == CHECKPOINT:
        return Checkpoint(checkpoint)
    return _RULES[name]()


def no_actions(settings: LuxSettings) -> np.ndarray:
    """(M,) int64: nobody does anything."""
    actions = np.zeros(settings.members, np.int64)
    actions[: settings.max_factories] = WAIT
    return actions
