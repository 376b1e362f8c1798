"""Which keys a policy's config may hold: its own defaults, its siblings', and what DI-engine reads itself."""

from collections.abc import Iterable, Mapping
from typing import Any

from easydict import EasyDict

from dizoo_ext.strict_config import check_block, check_range

READ_BY_DING: dict[str, dict[str, Any]] = {
    "policy": dict(
        type="",
        import_names=[],
        cfg_type="",
        model={},
        multi_gpu=False,
        bp_update_sync=True,
        traj_len_inf=False,
        on_policy=False,
        cuda=False,
        priority=False,
        priority_IS_weight=False,
        unroll_len=1,
        nstep=1,
        random_collect_size=0,
        transition_with_policy_data=False,
    ),
    "policy.learn": dict(
        learner={},
        cfg_type="",
        multi_gpu=False,
        resume_training=False,
        tracker="tensorboard",
        ignore_done=False,
        train_epoch=1,
        epoch_per_collect=1,
        update_per_collect=1,
        batch_size=1,
    ),
    "policy.collect": dict(collector={}, cfg_type="", n_sample=None, n_episode=1, unroll_len=1, env_num=1),
    "policy.eval": dict(evaluator={}, cfg_type="", env_num=1),
    "policy.other": dict(eps={}, replay_buffer={}, commander={}, cfg_type=""),
}
"""Keys beside a policy's own, with a value of the right type; an empty block's keys are checked by who reads them."""

Ranges = Mapping[str, tuple[float | None, float | None]]
"""Dotted key below ``policy`` -> smallest and largest value, None where it is open."""

COMMON: Ranges = {
    "learn.batch_size": (1, None),
    "learn.update_per_collect": (1, None),
    "collect.n_episode": (1, None),
    "collect.unroll_len": (1, None),
    "collect.env_num": (1, None),
    "eval.env_num": (1, None),
    "eval.evaluator.eval_freq": (1, None),
    "learn.learner.hook.log_show_after_iter": (1, None),
    "learn.learner.hook.save_ckpt_after_iter": (1, None),
    # A random policy would act without our recorder; exploration starts at eps.start instead.
    "random_collect_size": (0, 0),
}


def check_policy_config(cfg: EasyDict, defaults: Mapping[str, Any], siblings: Iterable[Mapping[str, Any]] = ()) -> None:
    """Refuse keys nobody reads and wrong or impossible values in a policy's merged config; see `check_policy_keys`."""
    check_policy_keys(cfg, defaults, siblings)
    check_ranges(cfg, COMMON)
    collector = cfg.collect.get("collector", {})
    if collector and collector.get("get_train_sample") is not True:
        raise ValueError(
            "policy.collect.collector must collect whole episodes (create_config.collector = dict(type='episode', "
            f"get_train_sample=True)), got type {collector.get('type')!r}, get_train_sample "
            f"{collector.get('get_train_sample')!r}"
        )
    if cfg.other.get("replay_buffer", {}).get("type") == "advanced":
        raise ValueError(
            "policy.other.replay_buffer: DI-engine's buffer 'advanced', which it takes where create_config names none, "
            "writes into episodes; set create_config.replay_buffer.type = 'episode_ring'"
        )


def check_ranges(cfg: Mapping[str, Any], ranges: Ranges) -> None:
    """Raise a ValueError for a value out of its range, a TypeError for one that is no number; missing ones pass."""
    for path, bounds in ranges.items():
        *blocks, key = path.split(".")
        node: Any = cfg
        for block in blocks:
            node = node.get(block, {})
            if not isinstance(node, Mapping):
                raise TypeError(f"policy.{path}: {block} must be a block of keys, got {node!r}")
        if key in node:
            check_number(node[key], f"policy.{path}", *bounds)


def check_ranges_exist(defaults: Mapping[str, Any], ranges: Ranges, owner: str) -> None:
    """Raise a ValueError for a range that would check nothing: the class ``owner`` has no default for the key, and
    DI-engine does not read it."""
    for path in ranges:
        block, _, rest = path.partition(".")
        if block in READ_BY_DING["policy"] or rest.partition(".")[0] in READ_BY_DING.get(f"policy.{block}", ()):
            continue
        node: Any = defaults
        for key in path.split("."):
            if not isinstance(node, Mapping) or key not in node:
                raise ValueError(f"{owner}.ranges has {path!r}, which is no key of {owner}.config; correct its name")
            node = node[key]


def check_number(value: Any, path: str, minimum: float | None = None, maximum: float | None = None) -> None:
    """Raise a TypeError unless ``value`` is a number, a ValueError unless it is in [minimum, maximum]; None is open."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{path} must be a number, got {value!r}")
    check_range(value, path, minimum, maximum)


def check_schedule(block: Mapping[str, Any], path: str, length: str) -> None:
    """Raise a ValueError unless a probability falls from ``start`` to ``end`` within at least one step."""
    for key in ("start", "end"):
        check_number(block[key], f"{path}.{key}", 0.0, 1.0)
    check_number(block[length], f"{path}.{length}", 1)
    if block["end"] > block["start"]:
        raise ValueError(f"{path} must not rise, got start {block['start']} and end {block['end']}")


def check_heads(width: int, heads: int, width_path: str, heads_path: str) -> None:
    """Raise a ValueError unless attention heads divide their width."""
    if width % heads:
        raise ValueError(f"{heads_path} = {heads} must divide {width_path} = {width}")


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
        _with_ding("policy", {key: value for key, value in known.items() if key not in blocks}),
        "policy",
    )
    for block in sorted(blocks):
        path = f"policy.{block}"
        check_block(cfg[block], _with_ding(path, known.get(block, {})), path)


def _with_ding(path: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """``known`` and what DI-engine reads; of blocks that others check only that they are blocks."""
    of_ding = READ_BY_DING[path]
    return {**of_ding, **known, **{key: value for key, value in of_ding.items() if value == {}}}


def _completed(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """``own`` and what only ``other`` has, at every depth."""
    both = dict(own)
    for key, value in other.items():
        if key not in both:
            both[key] = value
        elif isinstance(value, Mapping) and isinstance(both[key], Mapping):
            both[key] = _completed(both[key], value)
    return both
