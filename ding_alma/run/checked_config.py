"""A config as DI-engine merges it, refused if it cannot be trained."""

import contextlib
import copy
import io
from typing import Any

from ding.config import compile_config
from ding.envs import get_env_cls, get_env_manager_cls
from ding.policy import Policy, get_policy_cls
from easydict import EasyDict

from ding_alma.policy.member_view import VIEWS
from ding_alma.policy.observation import require_keys
from ding_alma.policy.recording_policy import RecordingPolicy
from ding_alma.run.config_shape import default_config
from ding_alma.run.ding_keys import ABSENT, check_ding_keys, check_ding_values, is_known, value_at
from ding_alma.setting.compose import sizes_of
from dizoo_ext.contract import FLAT_KEYS, EntitySpec, MapSpec

SIZES = (
    "policy.model.agent_num",
    "policy.model.action_shape",
    "policy.entity.entities",
    "policy.entity.features",
    "policy.entity.subtasks",
    "policy.map.planes",
)
"""What a policy and its environment have to agree on."""


def checked_config(main: EasyDict, create: EasyDict) -> EasyDict:
    """The merged config, whose environment and policy have been built once; neither needs a GPU.

    Raises:
        ValueError, TypeError: a value is impossible, with its key and what is possible.
    """
    defaults = default_config(create)
    check_ding_keys(main, defaults)
    merged = compile_config(main, create_cfg=create, auto=True, save_cfg=False)
    check_ding_values(EasyDict(merged, seed=main.get("seed", 0)), defaults)
    _build(merged)
    return merged


def _check_sizes(env: Any, merged: EasyDict) -> None:
    """Refuse a policy with the sizes of another scenario. Raises a ValueError."""
    sizes = sizes_of(env)
    for path in SIZES:
        own, given = value_at(sizes, path), value_at(merged, path)
        # Values of other types are for the policy to refuse.
        if own is not ABSENT and type(given) is int and own != given:
            raise ValueError(
                f"{path} is {given}, but the environment of this config has {own}: give the scenario to the setting, "
                "as in small('alma', scenario=...), or behind the config on the command line, and sizes follow"
            )


def _check_view(spec: EntitySpec | MapSpec, merged: EasyDict) -> None:
    """Refuse a policy that looks at maps where there are none, or does not where there are. Raises a ValueError."""
    shown = "map" if isinstance(spec, MapSpec) else "entities"
    # Also what other policies read may stand in a config.
    read = merged.policy.view if "view" in get_policy_cls(merged.policy).default_config() else None
    if read in VIEWS and read != shown:
        raise ValueError(
            f"policy.view = {read!r}, but the environment {merged.env.type!r} is made for {shown!r}; set it to that"
        )
    if read is None and shown == "map":
        raise ValueError(f"policy {merged.policy.type!r} reads no maps, which {merged.env.type!r} shows; 'mppo' does")


def _check_keys(spec: EntitySpec, policy: Policy, merged: EasyDict) -> None:
    """Refuse an ``env.observation`` without what the policy reads. Raises a ValueError."""
    read = policy.observation_keys() if isinstance(policy, RecordingPolicy) else ("action_mask", *FLAT_KEYS)
    try:
        require_keys(read, spec.observation_keys(merged.env.observation))
    except KeyError as error:
        raise ValueError(error.args[0]) from error


def _build(merged: EasyDict) -> None:
    """Build environment and policy once: they refuse what they cannot work with."""
    # Of the manager 'vector', which this package does not know.
    check_manager = getattr(get_env_manager_cls(merged.env.manager), "check_config", None)
    if check_manager is not None:
        check_manager(merged.env.manager)
    env_class = get_env_cls(merged.env)
    env = env_class(env_class.create_collector_env_cfg(EasyDict(merged.env))[0])
    # Not by DI-engine's registry, which prints hints when a constructor raises.
    policy_class = get_policy_cls(merged.policy)
    spec = getattr(env, "entity_spec", getattr(env, "map_spec", None))
    try:
        if isinstance(spec, EntitySpec | MapSpec):
            if is_known(policy_class):
                _check_view(spec, merged)
            _check_sizes(env, merged)
    finally:
        env.close()
    # A policy may write into its config.
    on_cpu = copy.deepcopy(merged.policy)
    on_cpu.cuda = False
    if issubclass(policy_class, RecordingPolicy) and on_cpu.learn.get("capture"):
        policy_class.check_capture(merged.policy)
        # Which the CPU cannot.
        on_cpu.learn.capture = False
    try:
        # Nor here: its registry of models does the same.
        with contextlib.redirect_stdout(io.StringIO()):
            policy = policy_class(on_cpu, enable_field=["learn"])
    except Exception as error:
        if issubclass(policy_class, RecordingPolicy) and isinstance(error, ValueError | TypeError):
            raise
        # DI-engine's policies do not check their configs: whatever one lacks can raise anything.
        said = " ".join(str(error).split())
        raise ValueError(
            f"policy {merged.policy.type!r} cannot be built from this config ({type(error).__name__}: {said[:200]})"
        ) from error
    if isinstance(spec, EntitySpec) and "observation" in merged.env and is_known(policy_class):
        _check_keys(spec, policy, merged)
