"""Refuse keys that DI-engine itself would silently ignore, and values that it does not check."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from ding.policy import Policy
from ding.utils import ENV_REGISTRY, POLICY_REGISTRY
from ding.worker.learner.learner_hook import hook_mapping, simplified_hook_mapping
from easydict import EasyDict

from ding_alma.monitor.tracker import TRACKERS
from ding_alma.policy.config_check import READ_BY_DING, check_number, check_policy_keys
from ding_alma.policy.recording_policy import RecordingPolicy, sibling_defaults
from dizoo_ext.strict_config import check_block, check_choice

TOP_LEVEL = ("exp_name", "env", "policy", "seed")
POLICY_BLOCKS = ("learn", "collect", "eval", "other")
EPSILON = ("type", "start", "end", "decay")
HOOK = ("type", "name", "priority", "position", "ext_args")
HOOK_POSITIONS = ("before_run", "after_run", "before_iter", "after_iter")

LARGEST = 2**53
"""Integers beyond it are no counts of anything."""
CHECKED_BLOCKS = (
    "env.manager",
    "policy.collect.collector",
    "policy.eval.evaluator",
    "policy.learn.learner",
    "policy.other.replay_buffer",
)
"""Of the merged config: their values have the types of DI-engine's defaults."""
NUMBERS = {
    "seed": (0, 2**32 - 1),
    "env.stop_value": (-float(LARGEST), None),
    "env.collector_env_num": (1, 100_000),
    "env.evaluator_env_num": (1, 100_000),
    "env.n_evaluator_episode": (1, None),
    # Environments that have played their last episode would be waited for.
    "env.manager.episode_num": (math.inf, None),
    "env.manager.max_retry": (1, None),
    "env.manager.wait_num": (1, None),
    "env.manager.step_timeout": (0, None),
    "env.manager.reset_timeout": (0, None),
    "env.manager.connect_timeout": (0, None),
    "env.manager.step_wait_timeout": (0, None),
    "env.manager.retry_waiting_time": (0, None),
    "policy.collect.n_episode": (1, None),
    "policy.collect.env_num": (1, 100_000),
    "policy.eval.env_num": (1, 100_000),
    "policy.collect.collector.collect_print_freq": (1, None),
    "policy.eval.evaluator.eval_freq": (1, None),
    "policy.eval.evaluator.render.render_freq": (-1, None),
    "policy.learn.learner.train_iterations": (1, None),
    "policy.learn.learner.dataloader.num_workers": (0, None),
    "policy.learn.learner.hook.log_show_after_iter": (1, None),
    "policy.learn.learner.hook.save_ckpt_after_iter": (1, None),
    "policy.other.replay_buffer.replay_buffer_size": (1, None),
}
"""Dotted key of the merged config -> smallest and largest value; None, where it is a key's default, passes."""
CHOICES = {
    "env.manager.retry_type": ("reset", "renew"),
    "env.manager.context": ("fork", "spawn", "forkserver"),
    # Without it, environments would be waited for after their first episode.
    "env.manager.auto_reset": (True,),
    "policy.eval.evaluator.render.mode": ("envstep", "train_iter"),
    "policy.learn.tracker": TRACKERS,
}
INTEGERS = (
    *("seed", "env.collector_env_num", "env.evaluator_env_num", "env.n_evaluator_episode"),
    *("policy.learn.learner.hook.log_show_after_iter", "policy.learn.learner.hook.save_ckpt_after_iter"),
)
"""Of `NUMBERS`, those whose type is compared with no default's."""
UNTYPED = (
    *("env.manager.step_timeout", "env.manager.reset_timeout", "env.manager.connect_timeout", "env.manager.wait_num"),
    *("env.manager.step_wait_timeout", "env.manager.retry_waiting_time", "env.manager.episode_num"),
    *("policy.eval.evaluator.stop_value", "policy.eval.evaluator.n_episode"),
)
"""Integers or fractions, or set by DI-engine from the block ``env``, where they are checked."""
ENDLESS = ("env.stop_value", "policy.eval.evaluator.stop_value")
"""May be infinite: training never stops for them."""
ABSENT = object()
"""Where a config has nothing, see `value_at`."""


def check_ding_keys(main: EasyDict, defaults: EasyDict) -> None:
    """Check the blocks of a main config that DI-engine reads, and the policy's keys, whichever policy it is.

    The environment's own keys, the replay buffer's and values are checked by those who read them.

    Args:
        main: the main part as it stands in the file.
        defaults: what DI-engine would fill in beside an empty one.

    Raises:
        ValueError: an unknown key, with the nearest valid name.
        TypeError: a policy's value of the wrong type, or a value where a block belongs.
    """
    siblings = list(sibling_defaults())
    _check_names(main, (*TOP_LEVEL, *defaults), "")
    policy = defaults.policy
    for path, known in {
        "env.manager": defaults.env.manager,
        "policy": (*READ_BY_DING["policy"], *POLICY_BLOCKS, *policy, *(name for each in siblings for name in each)),
        "policy.learn.learner": policy.learn.learner,
        "policy.collect.collector": policy.collect.collector,
        "policy.eval.evaluator": policy.eval.evaluator,
        "policy.other.eps": EPSILON,
    }.items():
        _check_names(_block(main, path), known, path)
    check_hooks(main)
    blocks = {name: _block(main, f"policy.{name}") for name in POLICY_BLOCKS}
    check_policy_keys(EasyDict({**_block(main, "policy"), **blocks}), policy, siblings)


def check_ding_values(merged: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Check the values in a merged config that DI-engine reads and would run into later, or never.

    Args:
        defaults: what DI-engine would fill in beside an empty config.

    Raises:
        ValueError: an impossible value, or fewer episodes than environments.
        TypeError: a value of the wrong type.
    """
    for path in CHECKED_BLOCKS:
        block, known = _block(merged, path), _block(defaults, path)
        known = dict(known, hook={}) if path == "policy.learn.learner" else known
        known = {key: None if f"{path}.{key}" in UNTYPED else value for key, value in known.items()}
        check_block(block, known, path, block.keys())
    for path, bounds in NUMBERS.items():
        value = value_at(merged, path)
        if value is not ABSENT and (value is not None or value_at(defaults, path) is not None):
            check_number(value, path, *bounds)
            if path in INTEGERS and not isinstance(value, int):
                raise TypeError(f"{path} must be an integer, got {value!r}")
    for path, choices in CHOICES.items():
        value = value_at(merged, path)
        if value is not ABSENT:
            check_choice(value, choices, path)
    _check_finite(merged, defaults, "")
    figures, environment = "policy.eval.evaluator.figure_path", value_at(merged, "env.type")
    is_drawn = value_at(merged, figures) not in (ABSENT, None) and environment in ENV_REGISTRY
    if is_drawn and not hasattr(ENV_REGISTRY.get(environment), "enable_save_figure"):
        raise ValueError(f"{figures} must be None: the environment has no enable_save_figure, which draws figures")
    for episodes, environments in (
        ("policy.collect.n_episode", "env.collector_env_num"),
        ("env.n_evaluator_episode", "env.evaluator_env_num"),
    ):
        wanted, least = value_at(merged, episodes), value_at(merged, environments)
        if ABSENT not in (wanted, least) and wanted < least:
            raise ValueError(
                f"{episodes} = {wanted} must be at least {environments} = {least}: every environment plays an episode"
            )


def why_unread(path: str, defaults: Mapping[str, Any], policy: str) -> str:
    """Why a key has no effect under ``policy``, of this package or DI-engine's own; empty if it may have one.

    Config files may have such keys, so that a swap changes nothing but the policy's type.

    Args:
        path: dotted key of the merged config.
        defaults: what DI-engine would fill in beside an empty config.
        policy: the type; nothing is known of one that is not registered.
    """
    names = path.split(".")
    if names[0] != "policy" or policy not in POLICY_REGISTRY:
        return ""
    cls = POLICY_REGISTRY.get(policy)
    if not is_known(cls):
        return ""
    unread = cls.unread if issubclass(cls, RecordingPolicy) else ()
    if any(".".join(names[1:end]) in unread for end in range(2, len(names) + 1)):
        return "other policies read it"
    is_read_by_ding = any(names[end] in READ_BY_DING.get(".".join(names[:end]), ()) for end in range(1, len(names)))
    if value_at(defaults, path) is not ABSENT or is_read_by_ding:
        return ""
    readers = {of.type for of in sibling_defaults() if "type" in of and value_at({"policy": of}, path) is not ABSENT}
    return f"other policies read it, such as {', '.join(sorted(readers - {policy}))}" if readers - {policy} else ""


def is_known(policy: type[Policy]) -> bool:
    """Whether a policy's class is one of ours or of DI-engine's own, so that what it reads is known."""
    return issubclass(policy, RecordingPolicy) or policy.__module__.startswith(("ding.", "ding_alma."))


def check_device(policy: Mapping[str, Any]) -> None:
    """Raise a ValueError if a policy's merged block names no device, or a GPU that is not there."""
    if policy.get("cuda", False) and not torch.cuda.is_available():
        raise ValueError("policy.cuda = True, but torch finds no GPU; set policy.cuda = False to train on the CPU")
    path = "policy.other.replay_buffer.device"
    name = value_at({"policy": policy}, path)
    if name is ABSENT:
        return
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{path} must be 'cpu' or a device of torch's, such as 'cuda', got {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"{path} = {name!r}, but torch finds no GPU; set it to 'cpu'")


def _check_finite(block: Mapping[str, Any], defaults: Any, prefix: str) -> None:
    for key, value in block.items():
        path = f"{prefix}{key}"
        default = defaults.get(key, ABSENT) if isinstance(defaults, Mapping) else ABSENT
        if isinstance(value, Mapping):
            _check_finite(value, default, f"{path}.")
        elif isinstance(value, float) and math.isnan(value):
            raise ValueError(f"{path} must be a number, got nan")
        elif isinstance(value, float) and math.isinf(value) and _is_known(default) and path not in ENDLESS:
            raise ValueError(f"{path} must be finite, got {value}")
        elif isinstance(value, int) and abs(value) > LARGEST:
            raise ValueError(f"{path} must lie in [-2**53, 2**53], got {value}")


def _is_known(default: Any) -> bool:
    """Whether a default says what a value is, and that it is not infinite."""
    return default not in (None, ABSENT) and not (isinstance(default, float) and math.isinf(default))


def value_at(config: Mapping[str, Any], path: str) -> Any:
    """What a config has at a dotted path, or `ABSENT`."""
    node: Any = config
    for key in path.split("."):
        if not isinstance(node, Mapping) or key not in node:
            return ABSENT
        node = node[key]
    return node


def leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Dotted paths of all values in a config, in its order; an empty block is a value."""
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _block(main: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The block at a dotted path, empty where the file does not have it. Raises a TypeError if it is a value."""
    node: Any = main
    for key in path.split("."):
        node = node.get(key, {})
        if not isinstance(node, Mapping):
            raise TypeError(f"{path} must be a block of keys, but {key} is {node!r}")
    return node


def _check_names(block: Mapping[str, Any], known: Any, path: str) -> None:
    check_block(block, dict.fromkeys(known), path)


def check_hooks(main: Mapping[str, Any]) -> None:
    """Check the learner's hooks in a main config.

    Raises:
        ValueError: an unknown hook, key, type or position.
        TypeError: a value where a block belongs.
    """
    path = "policy.learn.learner.hook"
    hooks = _block(main, path)
    plain = {name: value for name, value in hooks.items() if not isinstance(value, Mapping)}
    _check_names(plain, simplified_hook_mapping, path)
    for name, hook in hooks.items():
        if name in plain:
            continue
        _check_names(hook, HOOK, f"{path}.{name}")
        for key, choices in (("type", hook_mapping), ("position", HOOK_POSITIONS)):
            check_choice(hook.get(key), choices, f"{path}.{name}.{key}")
        check_number(hook.get("priority", 0), f"{path}.{name}.priority", 0)
        if not isinstance(hook.get("ext_args", {}), Mapping):
            raise TypeError(f"{path}.{name}.ext_args must be a block of keys, got {hook.ext_args!r}")
