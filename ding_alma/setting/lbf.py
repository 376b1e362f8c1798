"""Level-Based Foraging: a task of the size that benchmarks use, and a small one with teams of several sizes.

Networks and updates are those of the fast settings; nobody has published these policies on this environment.
"""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.blocks import FAST, SMALL, run_of
from ding_alma.setting.compose import compose

PAPER_SETTING: dict[str, Any] = dict(
    env=dict(
        # (dict) Agents and foods of an episode.
        scenario=dict(agents=4, foods=5),
        # (int) Width and height of the field.
        size=15,
        # (int) Longest episode, in steps.
        episode_limit=50,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=64,
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
            # (dict) Learner iterations between evaluations: about 64,000 environment steps.
            evaluator=dict(eval_freq=1000),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=500_000),
        ),
    ),
)
"""Four agents on a wide field; what fast settings know of exploration."""

SMALL_SETTING: dict[str, Any] = dict(
    env=dict(
        # (list) Teams and their foods; one of them is drawn in every episode.
        scenario=[dict(agents=2, foods=2), dict(agents=3, foods=2), dict(agents=3, foods=3)],
        # (int) Width and height of the field.
        size=6,
        # (int) Longest episode, in steps.
        episode_limit=30,
    ),
    policy=dict(
        allocation=dict(
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=0.5, end=0.0, length=60_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=100_000),
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 20,000 environment steps.
            evaluator=dict(eval_freq=500),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=100_000),
        ),
    ),
)
"""Teams of two and three on a narrow field, and shorter exploration."""


def paper(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of ``policy`` (any registered type); ``env`` replaces entries of the block
    ``env``, such as ``coop=True``."""
    settings = (SMALL, FAST, PAPER_SETTING, run_of(5_000_000))
    return compose(f"runs/lbf_{policy}", "lbf", policy, *settings, collector="episode_batch", **env)


def small(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the small task."""
    settings = (SMALL, FAST, PAPER_SETTING, SMALL_SETTING, run_of(300_000))
    return compose(f"runs/small_lbf_{policy}", "lbf", policy, *settings, collector="episode_batch", **env)
