"""Multi-army StarCraft: the four settings of the ALMA paper (NeurIPS 2022) and a small one."""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.blocks import FAST, SMALL, run_of
from ding_alma.setting.compose import compose
from dizoo_ext.strict_config import check_choice

SETTINGS = ("sz_symmetric", "sz_unitdisadvantage", "MMM_symmetric", "MMM_unitdisadvantage")
"""The paper's: Stalkers and Zealots, or Marines, Marauders and Medivacs, against as many or against one more."""

COMMON: dict[str, Any] = dict(
    env=dict(
        # (str) What plays the battles: 'embedded', or 'sc2' for the real game (see docs/starcraft2.md).
        engine="embedded",
        # (str) Hand-made allocation that policies can be told to follow: 'matching' or 'dynamic'.
        heuristic_style="matching",
    ),
    policy=dict(
        entity=dict(
            # (bool) Agents may attack only the army that they are allocated to.
            tie_actions=True,
        ),
    ),
)

PAPER_SETTING: dict[str, Any] = dict(
    policy=dict(
        allocation=dict(
            # (int) Steps between decisions.
            period=3,
            # (dict) Probability that an agent's allocation is a random unfinished subtask: 5 % of 10 million steps.
            random_agent=dict(start=1.0, end=0.0, length=500_000),
            # (dict) Probability that the whole allocation is an unranked proposal: 20 % of 10 million steps.
            random_proposal=dict(start=1.0, end=0.05, length=2_000_000),
        ),
        learn=dict(
            # (float) Share of REFIL's imagined groups in the agents' loss: all but A-QMIX learn from them here.
            imagined_weight=0.5,
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 50,000 environment steps.
            evaluator=dict(eval_freq=1000),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=500_000),
        ),
    ),
)
"""Values of the reference implementation."""

FAST_SETTING: dict[str, Any] = dict(
    policy=dict(
        allocation=dict(
            # (int) Steps between decisions (paper: 3). What is decided for 3 steps hardly matters, so that the critic
            # does not learn whom to send where; agents that are sent elsewhere on their way arrive nowhere.
            period=20,
            # (int) Allocations proposed per decision; decisions are rare.
            proposals=32,
            # (float) Weight of the proposal network's entropy. With 0.3 its most likely choices soon have probabilities
            # above 0.9, and nothing is left to choose among.
            entropy_weight=0.5,
            # (int) Decision points of one update at most; half of the city's, and updates take less time.
            max_points=200,
            # (float) Learning rate of critic and proposal network. It falls with that of the agents (`anneal_steps`),
            # but most is to be learnt when agents know how to fight.
            learning_rate=2e-3,
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=0.3, end=0.0, length=400_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=0.5, end=0.05, length=400_000),
            # (dict) Probability that the environment's rule allocates in a collected episode. Under random
            # allocations agents do not learn to fight.
            guidance=dict(start=1.0, end=0.1, length=1_500_000),
        ),
        learn=dict(
            # (float) The targets' share of what truly followed: an army is won or lost tens of steps ahead.
            td_lambda=0.9,
            # (int) Updates between copies to the target agents; with 200, values travel back a few steps per copy.
            target_update=50,
            # (float) Discount per step, and per decision in the allocation critic: the way to the next army takes 15.
            discount_factor=0.98,
            # (int) Environment steps over which all learning rates fall to a tenth. Where they stay high, teams win
            # half as many battles, and now more, now less.
            anneal_steps=1_200_000,
            # (int) Rows in a batch: half as many as in other fast settings, of twice the length.
            batch_size=16,
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 75,000 environment steps.
            evaluator=dict(eval_freq=1000),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=150_000),
            replay_buffer=dict(
                # (int) Steps of a training sequence: several allocation periods, whose decisions a row must hold whole.
                sequence_length=64,
            ),
        ),
    ),
)
"""The paper's tasks, in runs of 3 million steps."""

SMALL_SETTING: dict[str, Any] = dict(
    env=dict(
        # (str) Scenario set, see dizoo_ext/smac_multiarmy/scenarios.py.
        scenario="3-4sz_maxsize2_maxarmies2_symmetric",
    ),
    policy=dict(
        network=dict(
            # (int) Width of the hypernetworks' entity encoding and attention.
            hypernet_dim=32,
        ),
        allocation=dict(
            # (int) Steps between decisions; agents learn to fight only where they stay at an army for a while.
            period=20,
            # (int) Allocations proposed per decision.
            proposals=16,
            # (float) Weight of the proposal network's entropy. Below 0.3 it settles within a few thousand steps on
            # sending everybody to one army, while the critic still knows nothing.
            entropy_weight=0.5,
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=1.0, end=0.0, length=60_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=0.05, end=0.05, length=1),
        ),
        learn=dict(
            # (int) Rows in a batch.
            batch_size=8,
            # (float) Discount per step, and per decision in the allocation critic.
            discount_factor=0.95,
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 10,000 environment steps.
            evaluator=dict(eval_freq=600),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=60_000),
            replay_buffer=dict(
                # (int) Steps of a training sequence: several allocation periods, whose decisions a row must hold whole.
                sequence_length=64,
            ),
        ),
    ),
)
"""Three or four Stalkers and Zealots against as many, in two armies; allocations held for long."""


def paper(policy: str, setting: str = "sz_symmetric", **env: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of ``policy`` (any registered type).

    Args:
        setting: one of `SETTINGS`.
        env: replaces entries of the block ``env``, such as ``engine='sc2'``.

    Raises:
        ValueError: an unknown setting or policy.
    """
    exp_name = f"runs/smac_multiarmy_{setting}_{policy}"
    return compose(
        exp_name, "smac_multiarmy", policy, COMMON, PAPER_SETTING, run_of(10_000_000), _scenario(setting), **env
    )


def fast(policy: str, setting: str = "sz_symmetric", **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the paper's tasks in the setting that is learnt within hours of one core."""
    exp_name = f"runs/fast_smac_multiarmy_{setting}_{policy}"
    settings = (COMMON, PAPER_SETTING, SMALL, FAST, FAST_SETTING, run_of(3_000_000), _scenario(setting))
    return compose(exp_name, "smac_multiarmy", policy, *settings, collector="episode_batch", **env)


def _scenario(setting: str) -> dict[str, Any]:
    """The block of one of `SETTINGS`."""
    check_choice(setting, SETTINGS, "setting")
    teams, balance = setting.split("_")
    return dict(
        env=dict(
            # (str) Scenario set, see dizoo_ext/smac_multiarmy/scenarios.py; also SMAC's own maps such as '2s3z'.
            scenario=f"6-8{teams}_maxsize4_maxarmies3_{balance}",
        )
    )


def small(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the small task."""
    exp_name = f"runs/small_smac_multiarmy_{policy}"
    return compose(exp_name, "smac_multiarmy", policy, COMMON, SMALL, SMALL_SETTING, run_of(300_000), **env)
