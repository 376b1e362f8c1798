"""What all configs of this environment share."""

from ding_alma.setting.blocks import SMALL
from ding_alma.setting.compose import compose

DIKES = dict(
    policy=dict(
        allocation=dict(
            # (int) Steps between decisions.
            period=5,
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=0.5, end=0.0, length=40_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=60_000),
        ),
        learn=dict(
            # (float) Discount per step, and per decision in the allocation critic.
            discount_factor=0.95,
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=40_000),
        ),
    ),
)


def small(policy, **env):
    """``main_config`` and ``create_config``; ``env`` replaces entries of the block ``env``."""
    return compose(f"runs/dikes_{policy}", "dikes", policy, SMALL, DIKES, import_names=["dikes"], **env)
