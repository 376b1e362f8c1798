"""SaveTheCity: the setting of the ALMA paper (NeurIPS 2022), a fast one of the same task, and a small task."""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.blocks import FAST, SMALL, run_of
from ding_alma.setting.compose import compose

PAPER_SETTING: dict[str, Any] = dict(
    env=dict(
        # (str) Scenario set, see dizoo_ext/save_the_city/scenarios.py.
        scenario="2-5a_2-5b",
        # (int) Longest episode, in steps.
        episode_limit=150,
    ),
    policy=dict(
        allocation=dict(
            # (int) Steps between decisions.
            period=5,
            # (dict) Probability that an agent's allocation is a random unfinished subtask: 5 % of 15 million steps.
            random_agent=dict(start=1.0, end=0.0, length=750_000),
            # (dict) Probability that the whole allocation is an unranked proposal: 20 % of 15 million steps.
            random_proposal=dict(start=1.0, end=0.05, length=3_000_000),
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 50,000 environment steps.
            evaluator=dict(eval_freq=667),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=2_000_000),
        ),
    ),
)
"""Values of the reference implementation."""

FAST_SETTING: dict[str, Any] = dict(
    policy=dict(
        allocation=dict(
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=1.0, end=0.0, length=200_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=250_000),
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 100,000 environment steps.
            evaluator=dict(eval_freq=1000),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=250_000),
        ),
    ),
)
"""The paper's task; exploration for runs of 5 million steps."""

SMALL_SETTING: dict[str, Any] = dict(
    env=dict(
        # (list) Teams: builder B, firefighter F, generalist G; or the name of a scenario set.
        scenario=["BF"],
        # (int) Buildings stand within this many cells of the centre; 8 is the paper's whole city.
        building_reach=4,
        # (dict) Twice the paper's rates of building and of putting out fires.
        game_config=dict(base_build_rate=0.25, fire_reduce_rate=0.5),
        # (int) Longest episode, in steps.
        episode_limit=150,
    ),
    policy=dict(
        allocation=dict(
            # (int) Steps between decisions.
            period=10,
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=0.3, end=0.0, length=60_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=100_000),
        ),
        learn=dict(
            # (float) Discount per step, and per decision in the allocation critic: a step closer matters more.
            discount_factor=0.9,
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=100_000),
        ),
    ),
)
"""A builder and a firefighter, three buildings near the centre, less random allocation, held longer."""


def paper(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of ``policy`` (any registered type); ``env`` replaces entries of the block
    ``env``, such as ``scenario='2-8a_2-8b'``."""
    return compose(f"runs/save_the_city_{policy}", "save_the_city", policy, PAPER_SETTING, run_of(15_000_000), **env)


def fast(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the paper's task in the setting that is learnt within hours of one core."""
    settings = (PAPER_SETTING, SMALL, FAST, FAST_SETTING, run_of(5_000_000))
    exp_name = f"runs/fast_save_the_city_{policy}"
    return compose(exp_name, "save_the_city", policy, *settings, collector="episode_batch", **env)


def small(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the small task."""
    return compose(
        f"runs/small_save_the_city_{policy}", "save_the_city", policy, SMALL, SMALL_SETTING, run_of(300_000), **env
    )
