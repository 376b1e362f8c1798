"""Small games of Lux for tests, and a watch on what the engine refuses."""

from contextlib import contextmanager

import numpy as np

from dizoo_ext.lux.engine import engine_module
from dizoo_ext.lux.game import LuxGame
from dizoo_ext.lux.settings import LuxSettings
from dizoo_ext.random_stream import random_legal_actions

SMALL = dict(map_size=24, min_factories=1, max_factories=2, max_units=12)


def new_game(seed=0, kept_alive=None, **settings):
    """A game of `SMALL` settings at its first step."""
    game = LuxGame(LuxSettings(**{**SMALL, **settings}), kept_alive)
    game.reset(np.random.RandomState(seed))
    return game


def random_actions(game, generator):
    """Both teams' random legal actions (2, M)."""
    return random_legal_actions(game.legal, generator)


@contextmanager
def refusals():
    """Names of the units and factories whose actions the engine's check refuses while this is open."""
    module, refused = engine_module(), []
    check = module.validate_actions

    def watched(env_cfg, state, actions_by_type, verbose=1):
        asked = {kind: list(pairs) for kind, pairs in actions_by_type.items()}
        accepted = check(env_cfg, state, actions_by_type, verbose)
        for kind, pairs in asked.items():
            taken = {entity.unit_id for entity, _ in accepted[kind]}
            refused.extend(entity.unit_id for entity, _ in pairs if entity.unit_id not in taken)
        return accepted

    module.validate_actions = watched
    try:
        yield refused
    finally:
        module.validate_actions = check
