"""COMA with its defects repaired: what it records and learns from, how it acts, and that it learns what COMA cannot."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ding.entry import serial_pipeline
from ding.utils import POLICY_REGISTRY, deep_merge_dicts
from easydict import EasyDict
from last_reward_env import LastRewardEnv, LastRewardVector
from tiny_runs import train
from toy_env import ToyEnv, ToyVector

import ding_alma.plugin  # noqa: F401  (registers the policies)
from ding_alma.policy.coma_ext import critic_inputs
from ding_alma.replay.flat_recorder import coma_batch


def _config(vector, env_type, policy="coma_ext", **learn):
    spec = vector(1).spec
    main = dict(
        exp_name="run",
        env=dict(collector_env_num=16, evaluator_env_num=64, n_evaluator_episode=64, stop_value=1e10),
        policy=dict(
            model=dict(
                agent_num=spec.agents,
                obs_shape=dict(agent_state=spec.agent_state_size, global_state=spec.global_state_size),
                action_shape=spec.actions,
                actor_hidden_size_list=[32, 32],
            ),
            learn=dict(learning_rate=2e-3, **learn),
            collect=dict(n_episode=16, env_num=16),
            eval=dict(env_num=64, evaluator=dict(eval_freq=50)),
            other=dict(
                eps=dict(type="linear", start=0.5, end=0.05, decay=2000),
                replay_buffer=dict(replay_buffer_size=1000),
            ),
        ),
    )
    create = dict(
        env=dict(type=env_type, import_names=[]),
        env_manager=dict(type="vector", import_names=["dizoo_ext.plugin"]),
        policy=dict(type=policy, import_names=["ding_alma.plugin"]),
        collector=dict(type="episode", get_train_sample=True),
        replay_buffer=dict(type="episode_ring", import_names=["ding_alma.plugin"]),
    )
    return EasyDict(main), EasyDict(create)


def _policy(main=None, seed=0):
    main = main or _config(ToyVector, "toy")[0]
    policy = POLICY_REGISTRY.get("coma_ext")
    torch.manual_seed(seed)
    return policy(deep_merge_dicts(policy.default_config(), main.policy))


def _toy():
    return ToyEnv(EasyDict(episode_limit=6))


def _play(policy, episodes=4, env_id=0, eps=0.3):
    """Samples, and per episode what was seen, done and answered."""
    env, mode, samples, played = _toy(), policy.collect_mode, [], []
    env.seed(0)
    for _ in range(episodes):
        mode.reset([env_id])
        steps, obs, done = [], env.reset(), False
        while not done:
            output = mode.forward({env_id: obs}, eps=eps)[env_id]
            timestep = env.step(output["action"])
            transition = mode.process_transition(obs, output, timestep)
            steps.append((obs, output["action"], timestep))
            obs, done = timestep.obs, timestep.done
        samples += mode.get_train_sample([transition])
        played.append(steps)
    return samples, played


def _weights(policy):
    return torch.cat([value.double().flatten() for value in policy._model.state_dict().values()])


def test_what_is_learnt_from_is_what_happened():
    samples, played = _play(_policy(), episodes=8)
    batch = coma_batch(samples)
    cut = [bool(steps[-1][2].info["time_limit"]) for steps in played]
    assert any(cut) and not all(cut)
    for row, steps in enumerate(played):
        length = len(steps)
        shown = [obs for obs, _, _ in steps] + [steps[-1][2].obs]
        for key in ("agent_state", "global_state", "action_mask"):
            expected = np.stack([obs[key] for obs in shown])
            np.testing.assert_array_equal(getattr(batch, key)[: length + 1, row].numpy(), expected, err_msg=key)
        np.testing.assert_array_equal(batch.action[:length, row].numpy(), np.stack([action for _, action, _ in steps]))
        rewards = [timestep.reward[0] for _, _, timestep in steps]
        np.testing.assert_array_equal(batch.reward[:, row].numpy(), rewards + [0] * (len(batch.reward) - length))
        assert batch.valid[:, row].tolist() == [t < length for t in range(len(batch.valid))]
        assert batch.terminated[:, row].nonzero().flatten().tolist() == ([] if cut[row] else [length - 1])
        alive = np.stack([obs["entity_mask"][: batch.action.shape[-1]] for obs in shown])
        np.testing.assert_array_equal(batch.acting[: length + 1, row].numpy(), alive)
    assert (batch.epsilon[batch.valid] == 0.3).all()
    assert (~batch.acting[batch.valid]).any(), "somebody absent is wanted"


def test_the_critic_reads_what_ding_s_own_forward_reads():
    policy = _policy()
    batch = coma_batch(_play(policy, episodes=8)[0])
    critic = policy._model.critic
    observed = {"agent_state": batch.agent_state, "global_state": batch.global_state}
    own = critic({"obs": observed, "action": batch.action})["q_value"]
    torch.testing.assert_close(critic.mlp(critic_inputs(critic, batch, batch.action)), own)


def test_environments_of_any_number_and_name_keep_their_own_memories():
    policy = _policy(_config(LastRewardVector, "last_reward")[0])
    envs = {env_id: LastRewardEnv(EasyDict()) for env_id in (0, 40, 99)}
    for env_id, env in envs.items():
        env.seed(env_id)
    seen = {env_id: [env.reset()] for env_id, env in envs.items()}
    mode = policy.eval_mode
    mode.reset()
    together = []
    for t in range(3):
        present = [env_id for env_id in envs if t != 1 or env_id != 40]
        outputs = mode.forward({env_id: seen[env_id][-1] for env_id in present})
        assert outputs.keys() == set(present)
        together.append(copy.deepcopy(policy._eval_memory))
        for env_id in present:
            seen[env_id].append(envs[env_id].step(outputs[env_id]["action"]).obs)
    for env_id, observations in seen.items():
        mode.reset([env_id])
        for obs in observations[:-1]:
            mode.forward({env_id: obs})
        for alone, one in zip(policy._eval_memory[env_id], together[-1][env_id], strict=True):
            torch.testing.assert_close(alone["h"], one["h"])
    assert all(torch.equal(a["h"], b["h"]) for a, b in zip(together[0][40], together[1][40], strict=True))
    mode.reset()
    assert not policy._eval_memory


def test_every_learnt_policy_is_the_one_that_acted():
    """The recurrent policy over whole episodes finds the probabilities that the actions were drawn with."""
    policy = _policy()
    samples, played = _play(policy, episodes=3, eps=0.2)
    probs = policy._policy(coma_batch(samples)).probs()
    for row, steps in enumerate(played):
        policy.eval_mode.reset([0])
        for t, (obs, _, _) in enumerate(steps):
            ids, observed = policy._observe({0: obs})
            greedy = policy._logit(ids, observed, policy._eval_memory)[0].masked_fill(
                ~observed["action_mask"][0], -torch.inf
            )
            uniform = observed["action_mask"][0] / observed["action_mask"][0].sum(-1, keepdim=True)
            torch.testing.assert_close(probs[t, row], 0.8 * greedy.softmax(-1) + 0.2 * uniform, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("clip", "moves"), [(1e-14, False), (10.0, True)])
def test_gradients_are_clipped(clip, moves):
    policy = _policy(_config(ToyVector, "toy", grad_norm_clip=clip)[0])
    before = _weights(policy)
    values = policy._forward_learn(_play(policy)[0])
    assert set(values) == {*policy._monitor_vars_learn()} and all(type(value) is float for value in values.values())
    assert min(values["actor_grad_norm"], values["critic_grad_norm"]) > 1e-6
    assert (float((_weights(policy) - before).abs().max()) > 1e-4) == moves


def test_several_processes_average_the_gradients_of_both_networks(monkeypatch):
    policy, averaged = _policy(), []

    def average(network):
        averaged.append(network)
        for parameter in network.parameters():
            parameter.grad.zero_()

    monkeypatch.setattr(policy, "sync_gradients", average)
    before, samples = _weights(policy), _play(policy)[0]
    policy._cfg.multi_gpu = True
    policy._forward_learn(samples)
    updates = policy._cfg.learn.critic_updates
    assert averaged == [policy._model.critic] * updates + [policy._model.actor]
    assert torch.equal(_weights(policy), before), "gradients are averaged before the step"


def test_episodes_are_learnt_from_once():
    policy = _policy()
    samples = _play(policy)[0]
    policy._forward_learn(samples)
    with pytest.raises(ValueError, match="consume = True"):
        policy._forward_learn(samples)


def test_learning_continues_from_a_checkpoint_as_if_it_had_not_stopped():
    policy, other = _policy(), _policy(seed=1)
    policy._forward_learn(_play(policy)[0])
    other.learn_mode.load_state_dict(copy.deepcopy(policy.learn_mode.state_dict()))
    for learner in (policy, other):
        learner._forward_learn(_play(learner)[0])
    assert torch.equal(_weights(policy), _weights(other))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("learn.critic_updates", 0, "critic_updates"),
        ("learn.td_lambda", 1.5, "td_lambda"),
        ("learn.td_lamda", 0.5, "did you mean policy.learn.td_lambda"),
        ("model.obs_shape", EasyDict(agent_state=3, global_state=4), "same scenario"),
    ],
)
def test_impossible_configs_are_refused(path, value, message):
    main, _ = _config(ToyVector, "toy")
    block, key = path.split(".")
    main.policy[block][key] = value
    with pytest.raises(ValueError, match=message):
        _play(_policy(main))


def _last_return(policy, eval_freq, **blocks):
    """Of the last evaluation of a run in which only the last step is rewarded.

    One by the optimal policy, 0.5 by chance; an agent that never changes its answer gets 0.5 as well.
    """
    main, create = _config(LastRewardVector, "last_reward", policy=policy)
    main.policy.eval.evaluator.eval_freq = eval_freq
    for name, values in blocks.items():
        main.policy[name].update(values)
    main.policy.learn.learner = dict(
        hook=dict(run_record=dict(type="run_record", name="run_record", position="before_run", priority=30))
    )
    torch.set_num_threads(1)
    serial_pipeline((main, create), seed=0, max_env_step=1950)
    record = json.loads(Path("run/evaluations.json").read_text())
    return record["evaluations"][-1]["metrics"]["return_mean"]


def test_a_reward_that_comes_last_is_learnt(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _last_return("coma_ext", eval_freq=20) >= 0.97


@pytest.mark.slow
def test_ding_s_coma_does_not_learn_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Chunks as long as an episode, so that its reward is a chunk's last; as many updates as of the other.
    learn = dict(update_per_collect=20, batch_size=16)
    assert _last_return("coma", eval_freq=400, collect=dict(unroll_len=3), learn=learn) <= 0.75


def test_shared_configs_train_it_once_per_collection(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    main, create = _config(LastRewardVector, "last_reward")
    main.policy.learn.update(update_per_collect=8, batch_size=32)
    assert train(main, create, iterations=3)._version == 3
    assert "can only train" not in caplog.text


@pytest.mark.parametrize(
    ("per_collection", "expected"), [(40, (15, 25)), (7, (86, 143)), (1, (600, 1000)), (2000, (1, 1))]
)
def test_evaluations_and_checkpoints_of_a_shared_config_keep_their_distance_in_steps(per_collection, expected):
    main, _ = _config(ToyVector, "toy", update_per_collect=per_collection)
    main.policy.eval.evaluator.eval_freq = 600
    main.policy.learn.learner = dict(hook=dict(save_ckpt_after_iter=1000))
    policy = POLICY_REGISTRY.get("coma_ext")
    cfg = deep_merge_dicts(policy.default_config(), main.policy)
    policy(cfg)
    assert cfg.learn.update_per_collect == 1
    assert (cfg.eval.evaluator.eval_freq, cfg.learn.learner.hook.save_ckpt_after_iter) == expected
