"""Level-Based Foraging: a task of the size that benchmarks use, and a small one with teams of several sizes.

Nobody has published these policies on this environment.
"""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.adapted import SHORT_EXPLORATION, adapted
from ding_alma.setting.blocks import run_of

PAPER_SETTING: dict[str, Any] = dict(
    env=dict(
        # (dict) Agents and foods of an episode.
        scenario=dict(agents=4, foods=5),
        # (int) Width and height of the field.
        size=15,
        # (float) Factor of all rewards, and what all foods earn together. With the package's 1, teams hardly learn.
        reward_scale=20.0,
        # (int) Longest episode, in steps.
        episode_limit=50,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=64,
    ),
    policy=dict(
        eval=dict(
            # (dict) Learner iterations between evaluations: about 64,000 environment steps.
            evaluator=dict(eval_freq=1000),
        ),
    ),
)
"""Four agents on a wide field."""

SMALL_SETTING: dict[str, Any] = dict(
    env=dict(
        # (list) Numbers of agents and foods; one of these dicts is drawn in every episode.
        scenario=[dict(agents=2, foods=2), dict(agents=3, foods=2), dict(agents=3, foods=3)],
        # (int) Width and height of the field.
        size=6,
        # (int) Longest episode, in steps.
        episode_limit=30,
    ),
    policy=dict(
        eval=dict(
            # (dict) Learner iterations between evaluations: about 20,000 environment steps.
            evaluator=dict(eval_freq=500),
        ),
    ),
)
"""Teams of two and three on a narrow field."""


def paper(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of ``policy`` (any registered type); ``env`` replaces entries of the block
    ``env``, such as ``coop=True``."""
    return adapted("lbf", "lbf", policy, PAPER_SETTING, run_of(5_000_000), **env)


def small(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the small task."""
    settings = (PAPER_SETTING, SHORT_EXPLORATION, SMALL_SETTING, run_of(300_000))
    return adapted("small_lbf", "lbf", policy, *settings, **env)
