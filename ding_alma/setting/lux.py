"""Lux AI Season 2: the setting of the MagMA thesis and a small one.

Masked PPO looks at maps and plays both teams (environment ``lux``); all other policies look at entities, robots being
the agents and factories the subtasks, and play against factories that are kept alive (``lux_entities``).
"""

from typing import Any

from easydict import EasyDict

from ding_alma.setting.blocks import SMALL, run_of
from ding_alma.setting.compose import compose

MAPS_POLICY = "mppo"

COMMON: dict[str, Any] = dict(
    env=dict(
        manager=dict(
            # (bool) Hand observations over in shared memory; it does not know half precision.
            shared_memory=False,
            # (int) Seconds after which a step is given up; the longest takes some hundredths.
            step_timeout=60,
            # (int) Seconds after which a reset is given up; the first imports the engine.
            reset_timeout=300,
        ),
    ),
)

PAPER_SETTING: dict[str, Any] = dict(
    env=dict(
        # (int) Tiles of the board's side.
        map_size=48,
        # (int) Factories per team, drawn per map between this and the next.
        min_factories=3,
        # (int) See above.
        max_factories=5,
        # (int) Steps of a whole game.
        episode_limit=1000,
        # (int) Steps after which a training episode is cut.
        training_limit=256,
        # (int) Environments that collect side by side.
        collector_env_num=16,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=12,
    ),
)
"""The thesis' game."""

PAPER_MAPS: dict[str, Any] = dict(
    env=dict(
        # (str) Who plays the other team: 'self', 'none' (kept alive), 'idle', 'random', 'heuristic' or 'checkpoint'.
        opponent="self",
        # (int) Units a team may have.
        max_units=64,
        # (str) Type of the planes, 'float32' or 'float16'.
        plane_type="float16",
    ),
    policy=dict(
        # (str) Planes, with members at tiles.
        view="map",
        map=dict(
            # (str) The type of action first, then its parameters; 'flat' chooses among all at once.
            actor="lux_stages",
            # (bool) Collect under running statistics; the thesis does so under those of the present step.
            rollout_bn_eval=False,
        ),
        credit=dict(
            # (str) A member's own reward is what it earned by itself.
            own="given",
            # (str) What members share: the 'sum' or 'mean' of the own rewards.
            shared="sum",
            # (float) Share of the own reward; the rest is the shared one (thesis: 1, .75, .5, 0).
            own_weight=1.0,
        ),
        ppo=dict(
            # (bool) Episodes that are cut go on in the value of what was seen last; the thesis lets them end.
            bootstrap_time_limit=False,
        ),
        learn=dict(
            learner=dict(
                hook=dict(
                    # (int) Learner iterations (minibatches) between checkpoints: an update, which has 100 while teams
                    # die early, and 160 later.
                    save_ckpt_after_iter=100,
                ),
            ),
        ),
        eval=dict(
            # (dict) Learner iterations (minibatches) between evaluations: an update.
            evaluator=dict(eval_freq=100),
        ),
    ),
)
"""The thesis' method; its update stands in masked PPO's defaults.

A collection is 16 episodes of at most 256 steps. The thesis fills up to 256 steps per environment with new games where
teams died before, which happens at first.
"""

PAPER_ENTITIES: dict[str, Any] = dict(
    env=dict(
        # (str) See above; 'self' is for maps alone.
        opponent="none",
        # (int) Units of a team, the agents.
        max_units=20,
    ),
    policy=dict(
        entity=dict(
            # (bool) Robots deal with the factory alone that they are allocated to.
            tie_actions=True,
        ),
        allocation=dict(
            # (int) Steps between decisions.
            period=10,
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=1.0, end=0.0, length=200_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=800_000),
        ),
        eval=dict(
            # (dict) Learner iterations between evaluations: about 50,000 environment steps.
            evaluator=dict(eval_freq=100),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=400_000),
        ),
    ),
)
"""Nobody has published this: values of multi-army StarCraft, on the thesis' game."""

SMALL_SETTING: dict[str, Any] = dict(
    env=dict(
        # (int) Tiles of the board's side.
        map_size=24,
        # (int) Factories per team, drawn per map between this and the next.
        min_factories=1,
        # (int) Steps of a whole game.
        episode_limit=400,
        # (int) Steps after which a training episode is cut.
        training_limit=128,
        # (int) Environments that collect side by side.
        collector_env_num=8,
        # (int) Environments that evaluate side by side.
        evaluator_env_num=6,
    ),
)
"""Boards of a quarter of the size, one or two factories."""

SMALL_MAPS: dict[str, Any] = dict(
    env=dict(
        # (int) Tiles of the board's side.
        map_size=16,
        # (int) See `min_factories`.
        max_factories=1,
        # (int) Units a team may have.
        max_units=8,
        # (int) Steps of a whole game; without ice a factory dies after 151.
        episode_limit=200,
        # (int) Steps after which a training episode is cut.
        training_limit=100,
        # (str) Who plays the other team: factories that are kept alive.
        opponent="none",
        # (int) Environments that evaluate side by side.
        evaluator_env_num=16,
    ),
    policy=dict(
        map=dict(
            # (int) Channels of the embeddings.
            width=16,
            # (int) Channels that a board is squeezed into.
            squeezed=4,
            # (int) Residual blocks in each half of an embedding.
            blocks=1,
            # (bool) Collect under running statistics.
            rollout_bn_eval=True,
        ),
        ppo=dict(
            # (int) Passes over a collection.
            epochs=4,
            # (int) Steps in a minibatch, all members of each.
            minibatch_steps=128,
            # (int) Environment steps over which the learning rate falls to zero; 0 = it stays.
            anneal_steps=0,
            # (bool) Clip the value loss too.
            clip_value=False,
            # (bool) Episodes that are cut go on in the value of what was seen last.
            bootstrap_time_limit=True,
        ),
        eval=dict(
            # (dict) Learner iterations (minibatches) between evaluations: about 4,000 environment steps.
            evaluator=dict(eval_freq=140),
        ),
    ),
)
"""One factory a team on a ninth of the board, a network of a tenth of the weights, and an update for collections of a
fifth of the size. Learning rate, actor and initial weights are the thesis': with weights as drawn, or one choice among
all actions (ten of which take power), nobody mined anything within 16,000 steps."""

SMALL_ENTITIES: dict[str, Any] = dict(
    env=dict(
        # (int) See `min_factories`.
        max_factories=2,
        # (int) Units of a team, the agents.
        max_units=8,
    ),
    policy=dict(
        allocation=dict(
            # (dict) Probability that an agent's allocation is a random unfinished subtask.
            random_agent=dict(start=0.3, end=0.0, length=40_000),
            # (dict) Probability that the whole allocation is an unranked proposal.
            random_proposal=dict(start=1.0, end=0.05, length=50_000),
        ),
        other=dict(
            # (dict) Probability of a random action.
            eps=dict(decay=60_000),
            replay_buffer=dict(
                # (int) Steps of a training sequence: several allocation periods.
                sequence_length=32,
            ),
        ),
    ),
)


def paper(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config`` of ``policy`` (any registered type); ``env`` replaces entries of the block
    ``env``, such as ``opponent='heuristic'``."""
    exp_name = f"runs/lux_{policy}"
    if policy == MAPS_POLICY:
        settings = (COMMON, PAPER_SETTING, PAPER_MAPS, run_of(102_400))
        return compose(exp_name, "lux", policy, *settings, manager="subprocess", **env)
    settings = (COMMON, PAPER_SETTING, PAPER_ENTITIES, run_of(4_000_000))
    return compose(exp_name, "lux_entities", policy, *settings, manager="subprocess", **env)


def small(policy: str, **env: Any) -> tuple[EasyDict, EasyDict]:
    """As `paper`, for the small task."""
    exp_name = f"runs/small_lux_{policy}"
    if policy == MAPS_POLICY:
        settings: tuple[dict[str, Any], ...] = (
            COMMON,
            PAPER_SETTING,
            PAPER_MAPS,
            SMALL_SETTING,
            SMALL_MAPS,
            run_of(40_000),
        )
        return compose(exp_name, "lux", policy, *settings, manager="subprocess", **env)
    settings = (COMMON, PAPER_SETTING, PAPER_ENTITIES, SMALL, SMALL_SETTING, SMALL_ENTITIES, run_of(300_000))
    return compose(exp_name, "lux_entities", policy, *settings, manager="subprocess", **env)
