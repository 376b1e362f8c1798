"""Sizes of a policy's inputs, read from the config and checked against each other."""

from collections.abc import Mapping

from easydict import EasyDict
from torch import Tensor

from dizoo_ext.contract import EntitySpec
from dizoo_ext.strict_config import check_range


def check_observation(observation: Mapping[str, Tensor], sizes: EntitySpec) -> None:
    """Compare an environment's observations with the sizes that a policy was configured for.

    Args: observation (n, ...) per key.

    Raises:
        ValueError: they differ.
    """
    expected = {
        "entities": (sizes.entities, sizes.features),
        "subtask_mask": (sizes.subtasks,),
        "action_mask": (sizes.agents, sizes.actions),
    }
    shown = {key: tuple(observation[key].shape[1:]) for key in expected}
    if shown != expected:
        raise ValueError(
            f"the environment's observations have the shapes {shown}, but policy.entity and policy.model make them "
            f"{expected}; the sizes of env and policy must be those of the same scenario"
        )


def _read_coordinates(entity: EasyDict) -> tuple[int, ...]:
    columns = entity.get("coordinates", [])
    if not isinstance(columns, list | tuple) or any(type(column) is not int for column in columns):
        raise TypeError(f"policy.entity.coordinates must be a list of features' numbers, got {columns!r}")
    if not all(0 <= column < entity.features for column in columns):
        raise ValueError(f"policy.entity.coordinates = {columns} must lie in 0..{entity.features - 1}, as features do")
    return tuple(columns)


def read_sizes(cfg: EasyDict) -> EntitySpec:
    """Sizes from ``policy.model`` (the block shared with DI-engine's own policies) and ``policy.entity``.

    Raises:
        TypeError: a size is of a wrong type.
        ValueError: a size is missing, not positive, or the flat view's sizes do not follow from the entity sizes.
    """
    for key in ("entities", "features", "subtasks"):
        check_range(cfg.entity[key], f"policy.entity.{key}", 1)
    for key in ("agent_num", "action_shape", "obs_shape"):
        if key not in cfg.model:
            raise ValueError(f"policy.model.{key} is missing; it is one of the keys shared with DI-engine's policies")
    for key in ("agent_num", "action_shape"):
        size = cfg.model[key]
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"policy.model.{key} must be an integer, got {size!r}")
        check_range(size, f"policy.model.{key}", 1)
    if not isinstance(cfg.model.obs_shape, Mapping):
        raise TypeError(f"policy.model.obs_shape must be a block of keys, got {cfg.model.obs_shape!r}")
    sizes = EntitySpec(
        agents=cfg.model.agent_num,
        entities=cfg.entity.entities,
        subtasks=cfg.entity.subtasks,
        actions=cfg.model.action_shape,
        features=cfg.entity.features,
        episode_limit=0,
        coordinates=_read_coordinates(cfg.entity),
    )
    if sizes.agents > sizes.entities:
        raise ValueError(
            f"policy.model.agent_num = {sizes.agents} exceeds policy.entity.entities = {sizes.entities}; "
            "agents are the first entities"
        )
    expected = {"agent_state": sizes.agent_state_size, "global_state": sizes.global_state_size}
    if dict(cfg.model.obs_shape) != expected:
        raise ValueError(
            f"policy.model.obs_shape = {dict(cfg.model.obs_shape)} does not fit policy.entity: {sizes.agents} agents, "
            f"{sizes.entities} entities of {sizes.features} features and {sizes.actions} actions make it {expected}"
        )
    return sizes
