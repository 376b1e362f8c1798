"""Every shipped config fits its environment and its policy."""

from importlib import import_module

import pytest
from ding.envs.env.base_env import get_env_cls
from ding.utils import POLICY_REGISTRY, deep_merge_dicts
from easydict import EasyDict
from tiny_runs import CONFIGS, read_config

NAMES = sorted(path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*_config.py"))


@pytest.mark.parametrize("name", NAMES)
def test_sizes_are_the_environment_s_and_the_policy_takes_every_key(name):
    main, create = read_config(name)
    spec = get_env_cls(EasyDict(create.env))(main.env).entity_spec
    model, entity = main.policy.model, main.policy.entity
    assert (model.agent_num, model.action_shape) == (spec.agents, spec.actions)
    assert dict(model.obs_shape) == dict(agent_state=spec.agent_state_size, global_state=spec.global_state_size)
    assert (entity.entities, entity.features, entity.subtasks) == (spec.entities, spec.features, spec.subtasks)
    for module in create.policy.import_names:
        import_module(module)
    policy = POLICY_REGISTRY.get(create.policy.type)
    policy(deep_merge_dicts(policy.default_config(), main.policy))


@pytest.mark.parametrize("name", NAMES)
def test_counts_of_environments_agree(name):
    main, _ = read_config(name)
    assert main.policy.collect.env_num == main.env.collector_env_num
    assert main.policy.collect.n_episode % main.env.collector_env_num == 0
    assert main.policy.eval.env_num == main.env.evaluator_env_num == main.env.n_evaluator_episode
