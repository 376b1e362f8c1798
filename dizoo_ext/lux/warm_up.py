"""Imports the engine and compiles the kernels in the process that other environments are forked from."""

from functools import lru_cache

import numpy as np

from dizoo_ext.lux.entities import look_at
from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.heuristic import heuristic_actions
from dizoo_ext.lux.settings import LuxSettings


@lru_cache(maxsize=1)
def warm_up() -> None:
    """Play three steps of a small game, once per process.

    DI-engine's pipelines ask for the environments' configurations before they start processes; without this, each of
    those would import and compile everything for itself.

    Raises:
        ModuleNotFoundError: the engine is not installed.
    """
    game = LuxGame(LuxSettings(map_size=24, min_factories=1, max_factories=1, max_units=4))
    game.reset(np.random.RandomState(0))
    for _ in range(3):
        game.planes(2)
        look_at(game)
        game.step(np.stack([heuristic_actions(game, team) for team in range(2)]))
