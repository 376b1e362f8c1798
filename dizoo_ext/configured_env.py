"""What every environment class of this package does with its configuration."""

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

from ding.envs import BaseEnv
from ding.utils import deep_merge_dicts
from easydict import EasyDict

from dizoo_ext.strict_config import check_block, check_range, fits

DING_KEYS = frozenset(
    {
        "type",
        "import_names",
        "cfg_type",
        "manager",
        "stop_value",
        "n_evaluator_episode",
        "collector_env_num",
        "evaluator_env_num",
        "collector_episode_num",
        "evaluator_episode_num",
        "env_id",
    }
)
"""Keys of the ``env`` block that DI-engine adds or reads itself."""
MOST_ENVIRONMENTS = 100_000
"""A configuration is copied for each."""


class ConfiguredEnv(BaseEnv):
    """A DI-engine environment with a complete, checked configuration; subclasses add to ``config``."""

    config: ClassVar[dict[str, Any]] = dict(
        # (str) The number reported as info['eval_episode_return']: 'return' or any other key of episode_info.
        eval_metric="return",
        # (bool) Evaluation instead of training; set by create_collector_env_cfg and create_evaluator_env_cfg.
        is_test=False,
    )
    metadata: ClassVar[dict[str, Any]] = {"render.modes": ["rgb_array"]}

    def __init__(self, cfg: Mapping[str, Any] | None = None) -> None:
        """Check ``cfg`` against the defaults.

        Raises:
            ValueError: an unknown key.
            TypeError: a value of a wrong type.
        """
        defaults = self._defaults()
        foreign = DING_KEYS - defaults.keys()
        check_block(cfg or {}, defaults, "env", foreign)
        own = {key: value for key, value in (cfg or {}).items() if key not in foreign}
        self._cfg = EasyDict(deep_merge_dicts(defaults, own))

    @property
    def cfg(self) -> EasyDict:
        """The complete configuration, without the keys that only DI-engine reads."""
        return self._cfg

    @classmethod
    def default_config(cls) -> EasyDict:
        """``config`` of this class over those of its parents."""
        return EasyDict(cls._defaults(), cfg_type=f"{cls.__name__}Dict")

    @staticmethod
    def create_collector_env_cfg(cfg: EasyDict) -> list[EasyDict]:
        """One separate copy of ``cfg`` per collector environment, with ``is_test`` False."""
        return _copies(cfg, "collector_env_num", is_test=False)

    @staticmethod
    def create_evaluator_env_cfg(cfg: EasyDict) -> list[EasyDict]:
        """One separate copy of ``cfg`` per evaluator environment, with ``is_test`` True."""
        return _copies(cfg, "evaluator_env_num", is_test=True)

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            for key, value in vars(base).get("config", {}).items():
                merged[key] = _of_the_same_type(value, merged.get(key), f"{base.__name__}.config: {key}")
        return merged


def _of_the_same_type(value: Any, inherited: Any, name: str) -> Any:
    """A copy of a class's default, of the type that its parent gives the key: a user's value is checked against it."""
    if not fits(value, inherited):
        kind = type(inherited).__name__
        raise TypeError(f"{name} must be of type {kind} (its parent has {inherited!r}), got {value!r}")
    return float(value) if isinstance(inherited, float) else copy.deepcopy(value)


def _copies(cfg: EasyDict, number_key: str, is_test: bool) -> list[EasyDict]:
    if number_key not in cfg:
        raise ValueError(f"env.{number_key} is missing; set it to the number of environments")
    number = cfg[number_key]
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError(f"env.{number_key} must be an integer, got {number!r}")
    check_range(number, f"env.{number_key}", 1, MOST_ENVIRONMENTS)
    if not isinstance(cfg.get("is_test", False), bool):
        raise TypeError(f"env.is_test must be of type bool, got {cfg.is_test!r}")
    copies = [copy.deepcopy(cfg) for _ in range(number)]
    for each in copies:
        each.is_test = is_test
    return copies
