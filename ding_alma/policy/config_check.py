"""Which keys a policy's config may hold: its own defaults, its siblings' blocks, and what DI-engine reads itself."""

from collections.abc import Mapping
from typing import Any

from easydict import EasyDict

from dizoo_ext.strict_config import check_block, check_range

SIBLING_BLOCKS = ("entity", "network", "allocation")
"""Blocks of our policies; each accepts the others' blocks, so that swapping the policy's type changes nothing else."""

READ_BY_DING = {
    "policy": [
        "type",
        "import_names",
        "cfg_type",
        "model",
        "multi_gpu",
        "bp_update_sync",
        "traj_len_inf",
        "on_policy",
        "cuda",
        "priority",
        "priority_IS_weight",
        "unroll_len",
        "nstep",
        "random_collect_size",
        "transition_with_policy_data",
    ],
    "policy.learn": [
        "learner",
        "cfg_type",
        "multi_gpu",
        "resume_training",
        "ignore_done",
        "train_epoch",
        "epoch_per_collect",
        "update_per_collect",
        "batch_size",
    ],
    "policy.collect": ["collector", "cfg_type", "n_sample", "n_episode", "unroll_len", "env_num"],
    "policy.eval": ["evaluator", "cfg_type", "env_num"],
    "policy.other": ["eps", "replay_buffer", "commander", "cfg_type"],
}


def check_policy_config(cfg: EasyDict, defaults: Mapping[str, Any]) -> None:
    """Refuse keys nobody reads and values of the wrong type in a policy's merged config.

    Raises:
        ValueError: an unknown key (the nearest valid name is given) or an impossible value.
        TypeError: a value of the wrong type.
    """
    blocks = {"learn", "collect", "eval", "other"}
    own = {key: value for key, value in defaults.items() if key not in blocks}
    check_block(
        {key: value for key, value in cfg.items() if key not in blocks},
        own,
        "policy",
        (*READ_BY_DING["policy"], *(block for block in SIBLING_BLOCKS if block not in own)),
    )
    for block in sorted(blocks):
        path = f"policy.{block}"
        check_block(cfg[block], defaults.get(block, {}), path, READ_BY_DING[path])
    check_range(cfg.learn.batch_size, "policy.learn.batch_size", 1)
    check_range(cfg.learn.update_per_collect, "policy.learn.update_per_collect", 1)
    check_range(cfg.collect.n_episode, "policy.collect.n_episode", 1)
