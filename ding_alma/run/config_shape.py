"""Refuse a config that DI-engine could not even merge: it would end in an error that names no key."""

import functools
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from ding.config import compile_config
from ding.utils import (
    BUFFER_REGISTRY,
    ENV_MANAGER_REGISTRY,
    ENV_REGISTRY,
    POLICY_REGISTRY,
    SERIAL_COLLECTOR_REGISTRY,
    SERIAL_EVALUATOR_REGISTRY,
)
from easydict import EasyDict

from ding_alma.run.ding_keys import check_ding_values, check_hooks
from ding_alma.setting.registered import check_registered, import_named

REGISTRIES = {
    "env": ENV_REGISTRY,
    "env_manager": ENV_MANAGER_REGISTRY,
    "policy": POLICY_REGISTRY,
    "collector": SERIAL_COLLECTOR_REGISTRY,
    "evaluator": SERIAL_EVALUATOR_REGISTRY,
    "replay_buffer": BUFFER_REGISTRY,
}
"""Block of ``create_config`` -> what its type may be."""
TYPES_IN_MAIN = {
    "env.type": "env",
    "env.manager.type": "env_manager",
    "policy.type": "policy",
    "policy.collect.collector.type": "collector",
    "policy.other.replay_buffer.type": "replay_buffer",
}
"""Key of ``main_config`` -> block of ``create_config`` that says the same; merged configs have both."""
REQUIRED = ("env_manager", "policy")
TYPELESS = ("evaluator",)
FRACTIONS = ("value_weight", "policy_weight", "clip_value")
"""Keys of ``policy.learn`` whose defaults DI-engine writes as integers, though they may have fractions."""
LONGEST_NAME = 200
"""Bytes of a folder's name; file systems have 255, and DI-engine may append the time."""


def check_create(create: Any) -> None:
    """Check ``create_config``, and import what it names.

    Raises:
        ValueError: a block or a type is missing or unknown, or a module cannot be imported.
        TypeError: something is no block, no list of modules or no name.
    """
    if not isinstance(create, Mapping):
        raise TypeError(f"create_config must be a block of keys, got {create!r}")
    for name in REQUIRED:
        if name not in create:
            raise ValueError(f"create_config.{name} is missing; create_config needs {', '.join(REQUIRED)}")
    blocks = {name: create[name] for name in REGISTRIES if name in create}
    for name, block in blocks.items():
        path = f"create_config.{name}"
        if not isinstance(block, Mapping):
            raise TypeError(f"{path} must be a block of keys, got {block!r}")
        _check_keys(block, path)
    for name, block in blocks.items():
        if name not in TYPELESS or "type" in block:
            _check_type(block.get("type"), name, f"create_config.{name}.type")


def check_shape(main: Any, create: Any) -> EasyDict:
    """Check `check_create`'s part, and that ``main_config`` has blocks where the defaults of its choices have them.

    Returns:
        everything that DI-engine would fill in beside an empty main part.

    Raises:
        ValueError, TypeError: as `check_create` does.
    """
    check_create(create)
    if not isinstance(main, Mapping):
        raise TypeError(f"main_config must be a block of keys, got {main!r}")
    _check_keys(main, "main_config")
    for name in ("env", "policy"):
        if name not in main:
            raise ValueError(f"main_config.{name} is missing; main_config needs the blocks env and policy")
    name = main.get("exp_name", "default_experiment")
    if not isinstance(name, str) or not name or max(map(len, name.encode().split(b"/"))) > LONGEST_NAME:
        raise ValueError(f"exp_name must be the path of a folder, got {name!r}")
    defaults = default_config(EasyDict(create))
    _check_blocks(main, defaults, "")
    for path, block in TYPES_IN_MAIN.items():
        node: Any = main
        for key in path.split("."):
            node = node.get(key, {})
        # Blocks have been checked: what is empty is a block that the file does not have.
        if node != {}:
            _check_type(node, block, path)
    return defaults


def default_config(create: EasyDict) -> EasyDict:
    """Everything that DI-engine would fill in beside an empty main part."""
    defaults = compile_config(EasyDict(env={}, policy={}), create_cfg=create, auto=True, save_cfg=False)
    for key in FRACTIONS:
        if type(defaults.policy.learn.get(key)) is int:
            defaults.policy.learn[key] = float(defaults.policy.learn[key])
    return defaults


def checked_pipeline(original: Callable[..., Any]) -> Callable[..., Any]:
    """DI-engine's serial entry, which refuses what `check_shape` and `check_ding_values` do before it builds anything.

    A config in a file and environments that the caller brings are left to DI-engine.
    """

    @functools.wraps(original, assigned=("__name__", "__doc__"))
    def pipeline(input_cfg: Any, seed: int = 0, env_setting: Any = None, *more: Any, **options: Any) -> Any:
        if not isinstance(input_cfg, str) and env_setting is None:
            main, create = deepcopy(input_cfg)
            defaults = check_shape(main, create)
            check_hooks(main)
            merged = compile_config(main, create_cfg=create, auto=True, save_cfg=False, seed=seed)
            check_ding_values(merged, defaults)
            # DI-engine reads this block before it fills in any.
            input_cfg[0].policy.setdefault("learn", EasyDict())
        return original(input_cfg, seed, env_setting, *more, **options)

    return pipeline


def _import(names: Any, path: str) -> None:
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{path} must be a list of modules, got {names!r}")
    import_named(names, path)


def _check_type(name: Any, block: str, path: str) -> None:
    if not isinstance(name, str):
        raise TypeError(f"{path} must be a name, such as {min(REGISTRIES[block])!r}, got {name!r}")
    try:
        check_registered(name, REGISTRIES[block], block.replace("_", " "), block)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _check_keys(block: Mapping[Any, Any], path: str) -> None:
    for key, value in block.items():
        if not isinstance(key, str):
            raise TypeError(f"{path} has the key {key!r}; all keys of a config must be strings")
        if key == "import_names":
            _import(value, f"{path}.{key}")
        elif isinstance(value, Mapping):
            _check_keys(value, f"{path}.{key}")


def _check_blocks(main: Mapping[Any, Any], defaults: Mapping[str, Any], prefix: str) -> None:
    for key, value in main.items():
        default = defaults.get(key)
        if not isinstance(default, Mapping):
            continue
        if not isinstance(value, Mapping):
            known = f", such as {', '.join(sorted(map(str, default)))}" if default else ""
            raise TypeError(f"{prefix}{key} must be a block of keys{known}, got {value!r}")
        _check_blocks(value, default, f"{prefix}{key}.")
