"""Level-Based Foraging for DI-engine."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from ding.utils import ENV_REGISTRY
from easydict import EasyDict

from dizoo_ext.adapter import PettingZooEnv
from dizoo_ext.adapter.vector import GameVector
from dizoo_ext.lbf.game import ForagingGame
from dizoo_ext.lbf.view import ForagingView
from dizoo_ext.strict_config import check_range

GAME_KEYS = ("size", "max_level", "max_food_level", "coop", "penalty")


@ENV_REGISTRY.register("lbf")
class ForagingEnv(PettingZooEnv):
    """One game for DI-engine; see `ForagingGame` and `ForagingView`. Needs the extra ``lbf``, for the first reset."""

    config: ClassVar[dict[str, Any]] = dict(
        # (dict or list) A team and its foods, such as dict(agents=3, foods=2), or a list of such dicts, one of which is
        # drawn in every episode; None is dict(agents=3, foods=3).
        scenario=None,
        # (int) Width and height of the field.
        size=8,
        # (int) Agents see what is at most so many cells away; 0: everything.
        sight=0,
        # (int) Highest level of an agent.
        max_level=2,
        # (int) Highest level of a food; 0: the sum of the three lowest levels of the team.
        max_food_level=0,
        # (bool) All foods have the highest level, so that agents must collect them together.
        coop=False,
        # (float) What each agent loses that tries in vain to collect a food, before reward_scale.
        penalty=0.0,
        # (int) Steps after which an episode is cut.
        episode_limit=50,
    )

    @classmethod
    def make_game(cls, cfg: EasyDict) -> ForagingGame:
        """The game for a complete configuration."""
        scenario = dict(agents=3, foods=3) if cfg.scenario is None else cfg.scenario
        scenarios = [scenario] if isinstance(scenario, Mapping) else list(scenario)
        return ForagingGame(scenarios, **{key: cfg[key] for key in GAME_KEYS})

    @classmethod
    def make_vector_env(cls, cfg: EasyDict, num_envs: int) -> GameVector:
        """The batch for a complete configuration."""
        check_range(cfg.sight, "env.sight", 0)
        view = partial(ForagingView, sight=cfg.sight)
        make_game = partial(cls.make_game, cfg)
        return GameVector(num_envs, make_game, view, cfg.episode_limit, cfg.observation, cfg.reward_scale)
