"""Group Matching: the setting of the REFIL paper (ICML 2021), learnt from four times less often.

The reference collects 8 episodes at a time and updates once per episode, which makes 20,000 updates of a million steps;
here one update follows every fourth episode, so that several hundred thousand steps take minutes. Targets are copied
as often in episodes. `fast` updates as often as the paper does.
"""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.blocks import run_of
from ding_alma.setting.compose import compose

PAPER_SETTING: dict[str, Any] = dict(
    env=dict(
        # (int) Agents on the ring.
        agents=8,
        # (int) Cells of the ring.
        cells=6,
        # (int) Groups, which nobody is told of but by the entities' features.
        groups=2,
        # (int) Longest episode, in steps.
        episode_limit=50,
        # (int) Environments that collect side by side.
        collector_env_num=32,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=80,
    ),
    policy=dict(
        network=dict(
            # (str) Agents without a hidden layer, but for ALMA's.
            agent="direct",
            # (str) Mixing by a weighted sum, but for ALMA's.
            mixer="linear",
            # (bool) Agents and mixer read the agents' last actions.
            last_action=False,
            # (int) Width of the agents' entity encoding and attention.
            attention_dim=64,
            # (int) Width of the hypernetworks' entity encoding and attention.
            hypernet_dim=64,
            # (bool) Mixer biases made non-negative.
            mixer_bias_abs=False,
            # (bool) Pop-Art normalisation of the targets.
            popart=False,
        ),
        allocation=dict(
            # (str) There is one subtask, so that nobody has to learn who works at it.
            source="heuristic",
        ),
        learn=dict(
            # (int) Updates after each collection of 32 episodes.
            update_per_collect=8,
            # (int) Updates between copies to the target agents and mixer: 200 episodes.
            target_update=50,
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 10,000 environment steps.
            evaluator=dict(eval_freq=50),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=5_000),
            replay_buffer=dict(
                # (int) Episodes kept.
                replay_buffer_size=2000,
            ),
        ),
    ),
)
"""Values of the reference implementation but for what is said above; rows of 64 steps hold its whole episodes."""


SMALL_SETTING: dict[str, Any] = dict(
    env=dict(
        # (int) Agents on the ring.
        agents=5,
        # (int) Cells of the ring.
        cells=5,
        # (int) Longest episode, in steps.
        episode_limit=30,
    ),
    policy=dict(
        learn=dict(
            # (int) Updates after each collection of 32 episodes.
            update_per_collect=32,
            # (float) Learning rate of agents and mixer.
            learning_rate=1e-3,
            # (int) Updates between copies to the target agents and mixer: 200 episodes.
            target_update=200,
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 8,000 environment steps.
            evaluator=dict(eval_freq=256),
        ),
        other=dict(
            # (dict) Probability of a random action; random teams solve one game of six, and have to be seen doing it.
            eps=dict(decay=60_000),
            replay_buffer=dict(
                # (int) Steps of a training sequence.
                sequence_length=32,
            ),
        ),
    ),
)
"""Fewer agents and cells, more exploration, an update per episode."""


FAST_SETTING: dict[str, Any] = dict(
    env=dict(
        # (int) Environments that collect side by side; they are stepped and acted for in one call.
        collector_env_num=64,
    ),
    policy=dict(
        network=dict(
            # (str) Agents that compare themselves with each other; those of the paper had learnt nothing
            # after 0.4 million steps (docs/fast_trials.md).
            agent="pairwise",
        ),
        learn=dict(
            # (int) Updates after each collection of 64 episodes: one per episode, as in the paper.
            update_per_collect=64,
            # (int) Episodes in a batch: half of the paper's.
            batch_size=16,
            # (float) Learning rate of agents and mixer.
            learning_rate=1e-3,
            # (int) Updates between copies to the target agents and mixer: 100 episodes.
            target_update=100,
            # (float) The targets' share of what truly followed: groups meet several steps ahead.
            td_lambda=0.8,
            # (float) Discount per step. With the paper's 0.99 values of games that nobody solves go on falling.
            discount_factor=0.95,
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 30,000 steps, fewer when games are solved.
            evaluator=dict(eval_freq=640),
        ),
        other=dict(
            # (dict) Probability of a random action; random teams hardly ever solve the game, and have to be seen doing
            # it.
            eps=dict(decay=200_000),
        ),
    ),
)
"""The paper's game: other agents, targets that look further ahead, and exploration for runs of 300,000 steps."""


def paper(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of ``policy`` (any registered type); ``env`` replaces entries of the block
    ``env``, such as ``agents=4``."""
    return compose(f"runs/group_matching_{policy}", "group_matching", policy, PAPER_SETTING, run_of(500_000), **env)


def fast(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the paper's game in the setting that is learnt within half an hour of one core."""
    settings = (PAPER_SETTING, FAST_SETTING, run_of(300_000))
    exp_name = f"runs/fast_group_matching_{policy}"
    return compose(exp_name, "group_matching", policy, *settings, collector="episode_batch", **env)


def small(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the small task."""
    return compose(
        f"runs/small_group_matching_{policy}",
        "group_matching",
        policy,
        PAPER_SETTING,
        SMALL_SETTING,
        run_of(500_000),
        **env,
    )
