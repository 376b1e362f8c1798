"""REFIL's oracles on Group Matching, the environment that knows its groups."""

import math

import pytest
import torch
from ding.utils import deep_merge_dicts
from easydict import EasyDict

from ding_alma.policy.refil import RefilPolicy
from ding_alma.replay.episode import table_of
from ding_alma.replay.training_sequences import draw_sequences
from dizoo_ext.check import check_env
from dizoo_ext.group_matching import GroupMatchingEnv

SMALL = EasyDict(agents=4, cells=5, groups=2, episode_limit=8)


def _policy(env, **learn):
    """REFIL with the networks of the paper's experiment, at a fraction of their size."""
    spec = env.entity_spec
    cfg = dict(
        model=dict(
            agent_num=spec.agents,
            obs_shape=dict(agent_state=spec.agent_state_size, global_state=spec.global_state_size),
            action_shape=spec.actions,
        ),
        entity=dict(entities=spec.entities, features=spec.features, subtasks=spec.subtasks),
        network=dict(
            agent="direct",
            mixer="linear",
            last_action=False,
            popart=False,
            mixer_bias_abs=False,
            attention_dim=8,
            attention_heads=2,
            hypernet_dim=8,
            mixing_dim=4,
        ),
        learn=dict(batch_size=4, monitor_interval=1, **learn),
    )
    torch.manual_seed(0)
    return RefilPolicy(deep_merge_dicts(RefilPolicy.default_config(), EasyDict(cfg)))


def _episodes(policy, env, count=4):
    mode, episodes, seen = policy.collect_mode, [], []
    for _ in range(count):
        mode.reset([0])
        obs, done = env.reset(), False
        seen.append(obs["groups"])
        while not done:
            output = mode.forward({0: obs}, eps=1.0, env_step=0)[0]
            timestep = env.step(output["action"])
            transition = mode.process_transition(obs, output, timestep)
            obs, done = timestep.obs, timestep.done
        episodes += mode.get_train_sample([transition])
    return episodes, seen


@pytest.fixture
def env():
    env = GroupMatchingEnv(SMALL)
    env.seed(0)
    return env


def test_group_matching_hands_out_its_groups(env):
    check_env(GroupMatchingEnv(SMALL))
    found = set()
    for _ in range(30):
        obs = env.reset()
        one_hot = obs["entities"][:, SMALL.cells : SMALL.cells + SMALL.groups]
        assert (one_hot.argmax(1) == obs["groups"]).all()
        found |= set(obs["groups"].tolist())
    assert found == {0, 1}


@pytest.mark.parametrize("groups", ["given", "random_given"])
def test_the_oracles_learn_from_the_groups_of_every_step(env, groups):
    assert "groups" not in _policy(env).observation_keys()
    oracle = _policy(env, imagined_groups=groups)
    episodes, seen = _episodes(oracle, env)
    table = table_of(episodes)
    rows = draw_sequences(table.lengths + 1, 50, torch.zeros(4).numpy())
    batch = table.batch(torch.arange(4).numpy(), rows)
    assert torch.equal(batch.groups, torch.tensor(seen).unsqueeze(1).expand_as(batch.groups))
    assert math.isfinite(oracle._forward_learn(episodes)["im_loss"])
