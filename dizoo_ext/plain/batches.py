"""Batches of environments by name, without DI-engine."""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from dizoo_ext.strict_config import check_block, check_choice
from dizoo_ext.vector_env import VectorEnv

_CLASSES = {
    "save_the_city": "dizoo_ext.save_the_city.vector:SaveTheCityVector",
    "smac_multiarmy": "dizoo_ext.smac_multiarmy.vector:SmacMultiArmyVector",
    "group_matching": "dizoo_ext.group_matching.vector:GroupMatchingVector",
    "lux_entities": "dizoo_ext.lux.vector:LuxVector",
}
BATCHES = tuple(_CLASSES)
_LUX, _IS_TEST = "lux_entities", "is_test"


def make_batch(name: str, num_envs: int, is_test: bool, config: Mapping[str, Any]) -> VectorEnv:
    """Build ``num_envs`` environments as one `VectorEnv`.

    Args:
        name: one of `BATCHES`.
        is_test: for environments that draw other scenarios in tests.
        config: arguments of the environment's `VectorEnv` class, which are the keys of a config's block ``env``.

    Raises:
        ValueError: an unknown name or key (the nearest is given), or an impossible value.
        TypeError: a value of a wrong type.
    """
    check_choice(name, BATCHES, "environment")
    module, kind = _CLASSES[name].split(":")
    build: Callable[..., VectorEnv] = getattr(import_module(module), kind)
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(build).parameters.items()
        if parameter.default is not parameter.empty
    }
    split = {_IS_TEST: is_test} if defaults.pop(_IS_TEST, None) is not None else {}
    if name == _LUX:
        game = import_module("dizoo_ext.lux.match").MATCH_CONFIG | {"opponent": "none"}
        check_block(config, game | defaults, "env")
        own = {key: value for key, value in config.items() if key in defaults}
        return build(num_envs, game | {key: value for key, value in config.items() if key not in own}, **own, **split)
    # Scenarios and engines are more than their defaults' types say.
    check_block(config, defaults | {key: None for key in ("scenario", "engine") if key in defaults}, "env")
    return build(num_envs, **config, **split)
