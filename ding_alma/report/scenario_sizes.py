"""A trained policy among other numbers of agents and subtasks than it was trained with.

Networks over entities do not count them, so their weights play any team. What does depend on numbers: embeddings of
subtasks (as many as in the training, and `extra_subtasks`), everything of policies that read the flat view, and all
networks where features or actions are numbered by units, as in StarCraft.
"""

import copy
from collections.abc import Mapping
from typing import Any

from ding.envs.env.base_env import get_env_cls
from ding.policy import get_policy_cls
from easydict import EasyDict
from torch import Tensor

from ding_alma.run.run_error import RunError
from ding_alma.setting.registered import plain_type
from dizoo_ext.contract import EntitySpec

MIXER = "value_network.mixer."
"""What the names of parameters begin with that are needed for learning alone."""


def resized(config: EasyDict) -> EasyDict:
    """The configuration with the policy's sizes set to those of its environment.

    Args:
        config: the merged main part; the same object is returned if its sizes fit.

    Raises:
        RunError: features or actions differ from the training's.
    """
    spec = getattr(get_env_cls(config.env)(config.env), "entity_spec", None)
    policy = config.policy
    if not isinstance(spec, EntitySpec) or "entity" not in policy or _sizes(policy) == _sizes_of(spec):
        return config
    trained = _sizes(policy)
    for name in ("features", "actions"):
        if trained[name] != _sizes_of(spec)[name]:
            raise RunError(
                f"scenario {config.env.get('scenario')!r} has {_sizes_of(spec)[name]} {name}, the training had "
                f"{trained[name]}: networks take one number only (in StarCraft, features and actions count the units "
                "of the largest teams); choose a scenario with as many"
            )
    config = copy.deepcopy(config)
    policy = config.policy
    policy.model.agent_num = spec.agents
    policy.model.obs_shape = EasyDict(agent_state=spec.agent_state_size, global_state=spec.global_state_size)
    policy.entity.update(entities=spec.entities, subtasks=spec.subtasks)
    if "extra_subtasks" in get_policy_cls(policy).default_config().get("entity", {}):
        embedded = trained["subtasks"] + policy.entity.get("extra_subtasks", 0)
        policy.entity.extra_subtasks = max(embedded - spec.subtasks, 0)
    return config


def fitting_weights(own: Mapping[str, Tensor], trained: Mapping[str, Tensor], policy: EasyDict) -> dict[str, Any]:
    """The trained weights for networks of other sizes.

    Args:
        own: the networks' own weights, whose mixer stays where sizes differ: it is for learning only.
        trained: the checkpoint's.
        policy: the block of the resized configuration.

    Raises:
        RunError: other weights are of other sizes.
    """
    unfit = [name for name, value in own.items() if name in trained and trained[name].shape != value.shape]
    needed = [name for name in unfit if not name.startswith(MIXER)]
    if needed:
        advice = ""
        if "extra_subtasks" in policy.entity:
            advice = "; train with policy.entity.extra_subtasks to have some in reserve"
            if plain_type(policy.type) == "alma":
                advice += ", or let a rule allocate (--allocation heuristic)"
        raise RunError(
            f"policy {plain_type(policy.type)!r} cannot play {policy.model.agent_num} agents and "
            f"{policy.entity.subtasks} subtasks, its weights are for the sizes of the training: {needed[0]} has "
            f"{tuple(trained[needed[0]].shape)}, not {tuple(own[needed[0]].shape)}{advice}"
        )
    return {**trained, **{name: own[name] for name in unfit}}


def _sizes(policy: EasyDict) -> dict[str, int]:
    return dict(
        agents=policy.model.agent_num,
        entities=policy.entity.entities,
        subtasks=policy.entity.subtasks,
        actions=policy.model.action_shape,
        features=policy.entity.features,
    )


def _sizes_of(spec: EntitySpec) -> dict[str, int]:
    return {name: getattr(spec, name) for name in ("agents", "entities", "subtasks", "actions", "features")}
