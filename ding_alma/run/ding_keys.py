"""Refuse keys that DI-engine itself would silently ignore."""

from collections.abc import Mapping
from typing import Any

from ding.worker.learner.learner_hook import hook_mapping, simplified_hook_mapping
from easydict import EasyDict

from ding_alma.policy.config_check import READ_BY_DING, check_policy_keys
from ding_alma.policy.recording_policy import sibling_defaults
from dizoo_ext.strict_config import check_block, check_choice

TOP_LEVEL = ("exp_name", "env", "policy", "seed")
POLICY_BLOCKS = ("learn", "collect", "eval", "other")
EPSILON = ("type", "start", "end", "decay")
HOOK = ("type", "name", "priority", "position", "ext_args")
HOOK_POSITIONS = ("before_run", "after_run", "before_iter", "after_iter")


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
    _check_hooks(_block(main, "policy.learn.learner.hook"))
    blocks = {name: _block(main, f"policy.{name}") for name in POLICY_BLOCKS}
    check_policy_keys(EasyDict({**_block(main, "policy"), **blocks}), policy, siblings)


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


def _check_hooks(hooks: Mapping[str, Any]) -> None:
    path = "policy.learn.learner.hook"
    plain = {name: value for name, value in hooks.items() if not isinstance(value, Mapping)}
    _check_names(plain, simplified_hook_mapping, path)
    for name, hook in hooks.items():
        if name in plain:
            continue
        _check_names(hook, HOOK, f"{path}.{name}")
        for key, choices in (("type", hook_mapping), ("position", HOOK_POSITIONS)):
            check_choice(hook.get(key), choices, f"{path}.{name}.{key}")
