"""From the blocks of a setting to the two configs that DI-engine reads."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any

from easydict import EasyDict

from ding_alma.registration import register_all
from ding_alma.setting.blocks import CREATE, MAIN
from ding_alma.setting.registered import check_types, import_packages

if TYPE_CHECKING:
    from dizoo_ext.contract import EntitySpec, MapSpec


def compose(
    exp_name: str,
    env: str,
    policy: str,
    *settings: Mapping[str, Any],
    manager: str = "vector",
    collector: str = "episode",
    import_names: Sequence[str] = (),
    **changes: Any,
) -> tuple[EasyDict, EasyDict]:
    """``main_config`` and ``create_config``, complete but for the policy's and the environment's own defaults.

    Sizes and counts follow from the environment, so that nothing has to be written twice.

    Args:
        exp_name: folder of the run.
        env: type of the environment, one of `dizoo_ext`'s or any that is registered.
        policy: type of the policy, any that is registered.
        settings: blocks of ``main_config`` over those that all settings share, the last one on top.
        manager: type of the environment manager.
        collector: type of the collector, DI-engine's 'episode' or 'episode_batch', which collects the same faster.
        import_names: packages of one's own that register the environment or the policy.
        changes: entries of the block ``env`` on top of all settings.

    Raises:
        ValueError: an unknown environment or policy, or whatever the environment says of its block.
    """
    register_all()
    # Here, as everywhere in this file, because a setting can be imported at no cost.
    from ding.utils import deep_merge_dicts

    create = EasyDict(
        # (dict) Environment and the packages that register it.
        env=dict(type=env, import_names=["dizoo_ext.plugin", *import_names]),
        # (dict) The only line to change for another policy.
        policy=dict(type=policy, import_names=["ding_alma.plugin", *import_names]),
        **CREATE,
    )
    import_packages(create.env, create.policy)
    check_types(env, policy)
    create.env_manager.type = manager
    create.collector.type = collector
    named = dict(exp_name=exp_name)
    blocks = [named, MAIN, *settings, dict(env=changes)]
    main = EasyDict(reduce(deep_merge_dicts, blocks))
    # One value, even where it is a dict: merged, two scenarios would be neither.
    scenarios = [block["env"]["scenario"] for block in blocks if "scenario" in block.get("env", {})]
    if scenarios:
        main.env.scenario = scenarios[-1]
    return EasyDict(deep_merge_dicts(consequences(main.env, create.env), main)), create


def consequences(env: EasyDict, choice: EasyDict) -> dict[str, Any]:
    """Sizes and counts that follow from an environment, in the blocks ``env`` and ``policy``.

    Args:
        env: the block of ``main_config``.
        choice: the block of ``create_config``.

    Raises:
        ValueError: whatever the environment says of its block.
        AttributeError: it has no ``entity_spec``, or its block does not say how many environments there are.
    """
    from ding.envs.env.base_env import get_env_cls
    from ding.utils import deep_merge_dicts

    return deep_merge_dicts(_counts(env), sizes_of(get_env_cls(choice)(env)))


def sizes_of(env: Any) -> dict[str, Any]:
    """What follows from an environment's contract, in the block ``policy``.

    Args:
        env: an environment with an ``entity_spec`` or a ``map_spec``.
    """
    maps: MapSpec | None = getattr(env, "map_spec", None)
    return _entity_sizes(env.entity_spec) if maps is None else _map_sizes(maps)


def _counts(env: EasyDict) -> dict[str, Any]:
    """What follows from the numbers of environments."""
    return dict(
        env=dict(
            # (int) Episodes of one evaluation; as many as environments, so that none is counted twice.
            n_evaluator_episode=env.evaluator_env_num,
        ),
        policy=dict(
            collect=dict(
                # (int) Episodes per collection; a multiple of collector_env_num.
                n_episode=env.collector_env_num,
                # (int) Equal to env.collector_env_num.
                env_num=env.collector_env_num,
            ),
            eval=dict(
                # (int) Equal to env.evaluator_env_num.
                env_num=env.evaluator_env_num,
            ),
        ),
    )


def _entity_sizes(spec: "EntitySpec") -> dict[str, Any]:
    """What follows from an environment of the entity contract."""
    return dict(
        policy=dict(
            # (dict) Sizes shared with DI-engine's own policies: exactly what its COMA takes.
            model=dict(
                # (int) Agents, padded maximum.
                agent_num=spec.agents,
                # (dict) Sizes of the flat view.
                obs_shape=dict(
                    # (int) Own row, every entity's row, own last action, agent id.
                    agent_state=spec.agent_state_size,
                    # (int) Every entity's row.
                    global_state=spec.global_state_size,
                ),
                # (int) Actions per agent.
                action_shape=spec.actions,
                # (list) Hidden layers of DI-engine's COMA; our policies' sizes stand in `network`.
                actor_hidden_size_list=[128, 128, 64],
            ),
            # (dict) Sizes of the entity view.
            entity=dict(
                # (int) Entities, agents first.
                entities=spec.entities,
                # (int) Features per entity.
                features=spec.features,
                # (int) Subtasks, padded maximum.
                subtasks=spec.subtasks,
                # (list) Features that say where an entity is, compared by agents of the kind 'pairwise'.
                coordinates=list(spec.coordinates),
            ),
        ),
    )


def _map_sizes(spec: "MapSpec") -> dict[str, Any]:
    """What follows from an environment of maps."""
    return dict(
        policy=dict(
            model=dict(
                # (int) Slots of members per team.
                agent_num=spec.members,
                # (int) Actions per member, of all types of members.
                action_shape=spec.actions,
            ),
            map=dict(
                # (int) Channels of the maps.
                planes=spec.planes,
                # (int) Kinds of members.
                member_types=spec.member_types,
            ),
        ),
    )
