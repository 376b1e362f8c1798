"""The multi-robot warehouse: the size that benchmarks call tiny, and a smaller one.

Nobody has published these policies on this environment.
"""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.adapted import SHORT_EXPLORATION, adapted
from ding_alma.setting.blocks import run_of

PAPER_SETTING: dict[str, Any] = dict(
    env=dict(
        # (int) Robots.
        agents=4,
        # (int) Shelves that are requested at a time.
        requests=4,
        # (int) Shelves from front to back in a block.
        column_height=8,
        # (float) Factor of all rewards: what a delivery earns. The package's 1 is too small to be learnt soon.
        reward_scale=5.0,
        # (int) Length of an episode, in steps.
        episode_limit=500,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=16,
    ),
    policy=dict(
        eval=dict(
            # (dict) Learner iterations between evaluations: about 640,000 environment steps.
            evaluator=dict(eval_freq=1000),
        ),
        other=dict(
            replay_buffer=dict(
                # (int) Episodes kept, which are long.
                replay_buffer_size=1000,
            ),
        ),
    ),
)
"""Four robots among 32 shelves; rewards are rare."""

SMALL_SETTING: dict[str, Any] = dict(
    env=dict(
        # (int) Robots.
        agents=2,
        # (int) Shelves that are requested at a time. With 2, random robots deliver one in 25 episodes, with 6 one in 8.
        requests=6,
        # (int) Shelves from front to back in a block.
        column_height=2,
        # (int) Length of an episode, in steps.
        episode_limit=100,
    ),
    policy=dict(
        learn=dict(
            # (int) Updates after each collection of 64 episodes: a step is learnt from about 16 times.
            update_per_collect=100,
            # (float) Discount per step. About 25 steps lie between deliveries, in which the shelf has to be put back;
            # with 0.95 robots deliver once and stop.
            discount_factor=0.98,
            # (float) Share of what truly followed in the targets of the values; 0 looks one step ahead.
            td_lambda=0.8,
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 26,000 environment steps.
            evaluator=dict(eval_freq=400),
        ),
    ),
)
"""Two robots among eight shelves, six of them requested; episodes of a fifth of the length."""


def paper(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of ``policy`` (any registered type); ``env`` replaces entries of the block
    ``env``, such as ``agents=2``."""
    return adapted("rware", "rware", policy, PAPER_SETTING, run_of(10_000_000), **env)


def small(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the small task."""
    settings = (PAPER_SETTING, SHORT_EXPLORATION, SMALL_SETTING, run_of(300_000))
    return adapted("small_rware", "rware", policy, *settings, **env)
