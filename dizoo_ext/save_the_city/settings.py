"""The numbers a configuration may set, their defaults and checks (docs/reference/save_the_city.md#configuration)."""

from collections.abc import Mapping

import numpy as np

from dizoo_ext.contract import EntitySpec
from dizoo_ext.save_the_city.city import RULES
from dizoo_ext.strict_config import check_block, check_range

GAME_CONFIG = dict(
    # (float) Probability that a building burns at the start.
    init_fire_chance=0.4,
    # (float) Health lost per step by a fast-burn building in full fire.
    fire_burn_rate=0.035,
    # (float) Fire put out per step by one firefighter.
    fire_reduce_rate=0.25,
    # (float) Factor by which an unopposed fire grows per step.
    fire_growth_rate=1.1,
    # (float) Health gained per step by one builder.
    base_build_rate=0.125,
    # (float) Share of the two rates above that a generalist's help adds.
    generalist_help_factor=0.45,
)
REWARD_CONFIG = dict(
    # (float) Per unit of health gained or lost.
    health_delta_mult=10.0,
    # (float) Global reward of completing a building.
    complete=1.0,
    # (float) Reward of a building burning down.
    burned_down=-20.0,
    # (float) Reward of putting out a fire.
    extinguish=0.5,
    # (float) Subtask reward of completing a building, and global reward once when all are complete.
    solved=20.0,
    # (float) Added at every step.
    ts_pen=0.0,
)


def rules_record(
    spec: EntitySpec, game_config: Mapping[str, float], reward_config: Mapping[str, float], reward_scale: float
) -> np.ndarray:
    """Merge both blocks over their defaults into the (1,) record of `city.RULES` that the compiled rules read.

    Raises:
        ValueError: an unknown key, a rate below 0, a chance above 1, or rewards whose best sum is not positive.
        TypeError: a value that is not a number.
    """
    check_range(reward_scale, "env.reward_scale", minimum=0.0)
    check_block(game_config, GAME_CONFIG, "env.game_config")
    check_block(reward_config, REWARD_CONFIG, "env.reward_config")
    game = GAME_CONFIG | dict(game_config)
    rewards = REWARD_CONFIG | dict(reward_config)
    for key, value in game.items():
        is_chance = key == "init_fire_chance"
        check_range(value, f"env.game_config.{key}", minimum=0.0, maximum=1.0 if is_chance else None)
    max_reward = (
        0.5 * rewards["health_delta_mult"] * spec.subtasks + rewards["complete"] * spec.subtasks + rewards["solved"]
    )
    if not max_reward > 0:
        raise ValueError(f"env.reward_config makes the best possible reward {max_reward}, it must be positive")
    rules = np.zeros(1, RULES)
    for key, value in (game | rewards).items():
        rules[key] = value
    rules["reward_scale"] = reward_scale
    rules["max_reward"] = max_reward
    rules["episode_limit"] = spec.episode_limit
    return rules
