"""Rivals learn a game whose optimum is known: three agents of Group Matching always gather in time."""

import json

import pytest
import torch
from ding.entry import serial_pipeline, serial_pipeline_onpolicy
from easydict import EasyDict

from dizoo_ext.group_matching import GroupMatchingEnv

GAME = dict(agents=3, cells=4, groups=2, episode_limit=15)
GROUP_MATCHING_NETWORKS = dict(agent="direct", mixer="linear", popart=False, mixer_bias_abs=False)


def _config(policy, **network):
    spec = GroupMatchingEnv(EasyDict(GAME)).entity_spec
    main = dict(
        exp_name="run",
        env=dict(
            collector_env_num=16,
            evaluator_env_num=64,
            n_evaluator_episode=64,
            stop_value=0.97,
            eval_metric="solved",
            **GAME,
        ),
        policy=dict(
            model=dict(
                agent_num=spec.agents,
                obs_shape=dict(agent_state=spec.agent_state_size, global_state=spec.global_state_size),
                action_shape=spec.actions,
            ),
            entity=dict(entities=spec.entities, features=spec.features, subtasks=spec.subtasks),
            network=dict(attention_dim=32, hidden_dim=32, hypernet_dim=32, mixing_dim=16, last_action=False, **network),
            learn=dict(update_per_collect=16, target_update=100, discount_factor=0.95),
            collect=dict(n_episode=16, env_num=16),
            eval=dict(env_num=64, evaluator=dict(eval_freq=960)),
            other=dict(
                eps=dict(type="linear", start=1.0, end=0.05, decay=15_000),
                replay_buffer=dict(replay_buffer_size=2000, sequence_length=16),
            ),
        ),
    )
    create = dict(
        env=dict(type="group_matching", import_names=["dizoo_ext.plugin"]),
        env_manager=dict(type="vector", import_names=["dizoo_ext.plugin"]),
        policy=dict(type=policy, import_names=["ding_alma.plugin"]),
        collector=dict(type="episode", get_train_sample=True),
        replay_buffer=dict(type="episode_ring", import_names=["ding_alma.plugin"]),
    )
    return EasyDict(main), EasyDict(create)


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "network"), [("aqmix", {}), ("refil", GROUP_MATCHING_NETWORKS)])
def test_agents_learn_to_gather(policy, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    serial_pipeline(_config(policy, **network), seed=0, max_train_iter=9000)
    evaluations = json.loads((tmp_path / "run" / "evaluations.json").read_text())["evaluations"]
    solved = [evaluation["metrics"]["solved_mean"] for evaluation in evaluations]
    assert solved[0] < 0.7, "untrained agents gather by chance only"
    assert max(solved) >= 0.95


def test_mppo_learns_to_gather_within_seconds(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    main, create = _config("mppo")
    main.policy.network.update(attention_dim=16, hidden_dim=16, hypernet_dim=16, mixing_dim=8)
    main.policy.ppo = EasyDict(learning_rate=2e-3, minibatch_steps=128, entropy_weight=0.01, anneal_steps=0)
    main.policy.collect.n_episode = 64
    # An evaluation takes as long as two collections with their updates. The run ends at the first one that is solved.
    main.policy.eval.evaluator.eval_freq = 240
    serial_pipeline_onpolicy((main, create), seed=0, max_env_step=15_000)
    record = json.loads((tmp_path / "run" / "evaluations.json").read_text())
    solved = [evaluation["metrics"]["solved_mean"] for evaluation in record["evaluations"]]
    # Agents that act at random gather in 0.8 of the episodes.
    assert solved[0] < 0.95 and solved[-1] >= 0.97
