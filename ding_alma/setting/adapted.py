"""What the settings of environments from other packages share, whose policies nobody has tuned.

Networks and updates are those of the fast settings.
"""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.blocks import FAST, SMALL
from ding_alma.setting.compose import compose

EXPLORATION: dict[str, Any] = dict(
    policy=dict(
        allocation=dict(
            # (int) Steps between decisions.
            period=5,
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=1.0, end=0.0, length=200_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=500_000),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=500_000),
        ),
    ),
)
"""What fast settings know of exploration, for runs of millions of steps."""

SHORT_EXPLORATION: dict[str, Any] = dict(
    policy=dict(
        allocation=dict(
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=0.5, end=0.0, length=60_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=100_000),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=100_000),
        ),
    ),
)
"""On top of `EXPLORATION`, for small tasks."""


def adapted(name: str, env: str, policy: str, *settings: dict[str, Any], **changes: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config``: `compose` with networks, updates and exploration under ``settings``.

    Args:
        name: of the folder in ``runs/``, without the policy.
        env: type of the environment.
        policy: type of the policy.
        settings: what the environment adds, the last one on top.
        changes: entries of the block ``env`` on top of all settings.
    """
    blocks = (SMALL, FAST, EXPLORATION, *settings)
    return compose(f"runs/{name}_{policy}", env, policy, *blocks, collector="episode_batch", **changes)
