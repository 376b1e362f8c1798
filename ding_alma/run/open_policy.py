"""The policy of a run, from the run's configuration."""

from importlib import import_module

from ding.policy import Policy, get_policy_cls
from ding.utils import POLICY_REGISTRY, deep_merge_dicts
from easydict import EasyDict

from ding_alma.registration import register_all
from ding_alma.setting.registered import plain_type


def open_policy(config: EasyDict, field: str) -> Policy:
    """The policy of a run's configuration with one of DI-engine's fields enabled: 'learn', 'collect' or 'eval'.

    Keys that the policy got after the run take their defaults.
    """
    register_all()
    cfg = EasyDict(config)
    for name in cfg.get("import_names", []):
        import_module(name)
    plain = plain_type(cfg.type)
    cfg.type = plain if plain in POLICY_REGISTRY else cfg.type
    complete = deep_merge_dicts(get_policy_cls(cfg).default_config(), cfg)
    # Not by DI-engine's registry, which prints hints when a constructor raises.
    return get_policy_cls(cfg)(EasyDict(complete), enable_field=[field])
