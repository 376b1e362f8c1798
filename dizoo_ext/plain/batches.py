"""Batches of environments by name, without DI-engine."""

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from dizoo_ext.compilation import announce_compilation
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


def batch_defaults(name: str) -> dict[str, Any]:
    """The keys of an environment's config and their defaults.

    Raises:
        ValueError: an unknown name (the nearest is given).
    """
    check_choice(name, BATCHES, "environment")
    parameters = inspect.signature(_batch_class(name)).parameters.items()
    defaults = {key: parameter.default for key, parameter in parameters if parameter.default is not parameter.empty}
    return _lux_game() | defaults if name == _LUX else defaults


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
    announce_compilation()
    defaults = batch_defaults(name)
    split = {_IS_TEST: is_test} if _IS_TEST in defaults else {}
    # Scenarios and engines are more than their defaults' types say; tests are not chosen by the config.
    known = {
        key: None if key in ("scenario", "engine") else value for key, value in defaults.items() if key != _IS_TEST
    }
    check_block(config, known, "env")
    build = _batch_class(name)
    if name != _LUX:
        return build(num_envs, **config, **split)
    game = {key: config.get(key, value) for key, value in _lux_game().items()}
    return build(num_envs, game, **{key: value for key, value in config.items() if key not in game}, **split)


def _batch_class(name: str) -> Callable[..., VectorEnv]:
    module, kind = _CLASSES[name].split(":")
    return getattr(import_module(module), kind)


def _lux_game() -> dict[str, Any]:
    return import_module("dizoo_ext.lux.match").MATCH_CONFIG | {"opponent": "none"}
