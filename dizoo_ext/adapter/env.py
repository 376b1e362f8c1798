"""PettingZoo's parallel environments for DI-engine."""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.adapter.game import ParallelGame
from dizoo_ext.adapter.vector import GameVector
from dizoo_ext.adapter.view import View
from dizoo_ext.entity_env import EntityEnv


class PettingZooEnv(EntityEnv):
    """A game of another package as an environment of the contract.

    A subclass names its ``view``, defines `make_game`, adds to ``config`` and registers itself (docs/neighbours.md).
    """

    config: ClassVar[dict[str, Any]] = dict(
        # (int) Steps after which an episode is cut, if the game has not ended it before.
        episode_limit=100,
        # (float) Factor of all rewards, above 0. Choose it so that a good episode earns 10 to 20; if it earns 1,
        # teams may learn nothing (docs/neighbours.md).
        reward_scale=1.0,
    )
    view: ClassVar[Callable[[Any], View]]
    """Makes the view of a game: a subclass of `View`."""

    @classmethod
    @abstractmethod
    def make_game(cls, cfg: EasyDict) -> ParallelGame:
        """A new game for a complete configuration; what is slow waits for the game's first reset."""

    @classmethod
    def make_vector_env(cls, cfg: EasyDict, num_envs: int) -> GameVector:
        """The batch for a complete configuration."""
        make_game = partial(cls.make_game, cfg)
        return GameVector(num_envs, make_game, cls.view, cfg.episode_limit, cfg.observation, cfg.reward_scale)


def from_pettingzoo(
    make_env: Callable[..., ParallelGame], view: Callable[[Any], View], name: str | None = None, **defaults: Any
) -> type[PettingZooEnv]:
    """The environment class of a PettingZoo environment that all agents act in at once.

    Args:
        make_env: makes the game from ``defaults``, or from what a config says instead.
        view: a subclass of `View`.
        name: registers the class under this name, for configs. The call must then stand in a module that the config
            names in ``import_names``, so that every process makes it (docs/own_package.md).
        defaults: the keys of the block ``env`` of configs, with defaults; ``episode_limit`` (100) and ``reward_scale``
            (1.0) are the adapter's own and not handed to ``make_env``.

    Returns:
        a subclass of `PettingZooEnv`.

    Raises:
        AssertionError: the name is taken.
    """
    keys = [key for key in defaults if key not in PettingZooEnv.default_config()]

    def make_game(cls: type[PettingZooEnv], cfg: EasyDict) -> ParallelGame:
        return make_env(**{key: cfg[key] for key in keys})

    title = name.title().replace("_", "") if name else getattr(view, "__name__", "Game")
    body = {
        "__doc__": f"{title}, adapted from PettingZoo's interface.",
        "__module__": getattr(view, "__module__", __name__),
        "config": defaults,
        "view": staticmethod(view),
        "make_game": classmethod(make_game),
    }
    env_class = type(f"{title}Env", (PettingZooEnv,), body)
    if name is not None:
        ENV_REGISTRY.register(name, env_class)
    return env_class
