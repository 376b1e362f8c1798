"""Which keys a policy's config may hold: its own defaults, its siblings', and what DI-engine reads itself."""

from collections.abc import Iterable, Mapping
from typing import Any

from easydict import EasyDict

from dizoo_ext.strict_config import check_block, check_range

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


def check_policy_config(cfg: EasyDict, defaults: Mapping[str, Any], siblings: Iterable[Mapping[str, Any]] = ()) -> None:
    """Refuse keys nobody reads and wrong or impossible values in a policy's merged config; see `check_policy_keys`."""
    check_policy_keys(cfg, defaults, siblings)
    check_range(cfg.learn.batch_size, "policy.learn.batch_size", 1)
    check_range(cfg.learn.update_per_collect, "policy.learn.update_per_collect", 1)
    check_range(cfg.collect.n_episode, "policy.collect.n_episode", 1)


def check_policy_keys(cfg: EasyDict, defaults: Mapping[str, Any], siblings: Iterable[Mapping[str, Any]] = ()) -> None:
    """Refuse keys nobody reads and values of the wrong type in a policy's merged config.

    Args:
        defaults: of the policy itself.
        siblings: defaults of the policies that it may be swapped for. A key that only they know is accepted and not
            read, so that a swap changes nothing but the policy's type.

    Raises:
        ValueError: an unknown key (the nearest valid name is given).
        TypeError: a value of the wrong type.
    """
    known: Mapping[str, Any] = defaults
    for sibling in siblings:
        known = _completed(known, sibling)
    blocks = {"learn", "collect", "eval", "other"}
    check_block(
        {key: value for key, value in cfg.items() if key not in blocks},
        {key: value for key, value in known.items() if key not in blocks},
        "policy",
        READ_BY_DING["policy"],
    )
    for block in sorted(blocks):
        path = f"policy.{block}"
        check_block(cfg[block], known.get(block, {}), path, READ_BY_DING[path])


def _completed(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """``own`` and what only ``other`` has, at every depth."""
    both = dict(own)
    for key, value in other.items():
        if key not in both:
            both[key] = value
        elif isinstance(value, Mapping) and isinstance(both[key], Mapping):
            both[key] = _completed(both[key], value)
    return both
