"""What policies share that learn once from what their present networks did."""

from collections.abc import Sequence
from typing import Any

from easydict import EasyDict

ON_POLICY_UNREAD = ("learn.batch_size", "other.replay_buffer.recent_steps", "other.replay_buffer.sequence_length")
"""Of `RecordingPolicy.unread`: an update takes all that was collected, as it is."""


def update_once(cfg: EasyDict) -> None:
    """Make DI-engine update once per collection, whatever a config shared with off-policy policies says.

    Its serial loop reads this very object after the policy is built, and would ask the emptied buffer for more.
    """
    cfg.learn.update_per_collect = 1


def iterate_once(cfg: EasyDict) -> None:
    """`update_once`, and keep how much is played between evaluations and checkpoints.

    For policies whose update is one learner iteration: `eval_freq` and `save_ckpt_after_iter` of a config shared with
    off-policy policies count the iterations that those make after each collection.
    """
    per_collection = cfg.learn.update_per_collect
    update_once(cfg)
    for block, key in (
        (cfg.get("eval", {}).get("evaluator", {}), "eval_freq"),
        (cfg.learn.get("learner", {}).get("hook", {}), "save_ckpt_after_iter"),
    ):
        if key in block:
            block[key] = max(1, round(block[key] / per_collection))


def check_fresh(name: str, episodes: Sequence[dict[str, Any]], version: int) -> None:
    """Compare the ``version`` of the networks that played the episodes with the present one.

    Raises:
        ValueError: an episode was played by older networks.
    """
    old = {episode["version"] for episode in episodes} - {version}
    if old:
        raise ValueError(
            f"{name} learns from what its present networks did (version {version}), but was given episodes of versions "
            f"{sorted(old)}; use create_config.replay_buffer.type = 'episode_ring' with "
            "policy.other.replay_buffer.consume = True, or ding -m serial_onpolicy"
        )
