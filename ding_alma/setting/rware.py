"""The multi-robot warehouse: the size that benchmarks call tiny, and a smaller one.

Networks and updates are those of the fast settings; nobody has published these policies on this environment.
"""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.blocks import FAST, SMALL, run_of
from ding_alma.setting.compose import compose

PAPER_SETTING: dict[str, Any] = dict(
    env=dict(
        # (int) Robots.
        agents=4,
        # (int) Shelves that are requested at a time.
        requests=4,
        # (int) Shelves from front to back in a block.
        column_height=8,
        # (int) Length of an episode, in steps.
        episode_limit=500,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=16,
    ),
    policy=dict(
        allocation=dict(
            # (int) Steps between decisions.
            period=5,
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=1.0, end=0.0, length=200_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=500_000),
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 640,000 environment steps.
            evaluator=dict(eval_freq=1000),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=500_000),
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
        # (int) Shelves that are requested at a time.
        requests=2,
        # (int) Shelves from front to back in a block.
        column_height=2,
        # (int) Length of an episode, in steps.
        episode_limit=100,
    ),
    policy=dict(
        allocation=dict(
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=0.5, end=0.0, length=60_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=100_000),
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 64,000 environment steps.
            evaluator=dict(eval_freq=500),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=100_000),
        ),
    ),
)
"""Two robots among eight shelves, a fifth of the steps, and shorter exploration."""


def paper(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of ``policy`` (any registered type); ``env`` replaces entries of the block
    ``env``, such as ``agents=2``."""
    settings = (SMALL, FAST, PAPER_SETTING, run_of(10_000_000))
    return compose(f"runs/rware_{policy}", "rware", policy, *settings, collector="episode_batch", **env)


def small(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the small task."""
    settings = (SMALL, FAST, PAPER_SETTING, SMALL_SETTING, run_of(1_000_000))
    return compose(f"runs/small_rware_{policy}", "rware", policy, *settings, collector="episode_batch", **env)
