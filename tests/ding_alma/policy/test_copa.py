"""COPA's clock and strategies while it acts."""

import copy
import math
from dataclasses import fields

import numpy as np
import pytest
import torch
from ding.utils import POLICY_REGISTRY, deep_merge_dicts
from easydict import EasyDict
from tiny_runs import collect, tiny_config

from ding_alma.replay.episode import table_of
from ding_alma.replay.training_sequences import draw_sequences
from dizoo_ext.save_the_city import SaveTheCityEnv

PERIOD = 3


def _policy(name="copa", **coach):
    main, _ = tiny_config()
    main.policy.coach = EasyDict(coach)
    main.policy.allocation.period = PERIOD
    torch.manual_seed(0)
    policy = POLICY_REGISTRY.get(name)
    return policy(deep_merge_dicts(policy.default_config(), main.policy)), main


def _evaluate(policy, main, steps=12):
    """Strategies held and actions taken at every step of one greedy episode, and the unfinished subtasks seen."""
    env = SaveTheCityEnv(EasyDict(scenario=main.env.scenario, episode_limit=40))
    env.seed(3)
    policy.eval_mode.reset()
    obs, strategies, actions, subtasks = env.reset(), [], [], []
    for _ in range(steps):
        output = policy.eval_mode.forward({0: obs})[0]
        strategies.append(torch.tensor(policy._eval_state._held["strategy"][0]))
        actions.append(output["action"])
        subtasks.append(obs["subtask_mask"])
        obs = env.step(output["action"]).obs
    return torch.stack(strategies), np.stack(actions), np.stack(subtasks)


def test_strategies_are_held_between_decisions_and_evaluation_repeats_itself():
    policy, main = _policy()
    strategies, actions, subtasks = _evaluate(policy, main)
    again, same_actions, _ = _evaluate(policy, main)
    assert torch.equal(strategies, again)
    assert np.array_equal(actions, same_actions)
    age = 0
    for t in range(1, len(strategies)):
        age += 1
        due = age == PERIOD or (subtasks[t] != subtasks[t - 1]).any()
        assert torch.equal(strategies[t], strategies[t - 1]) is not due
        age = 0 if due else age


def test_the_clock_is_that_of_alma():
    decisions = {}
    for name in ("alma", "copa"):
        policy, main = _policy(name)
        (episode,) = collect(policy, main, episodes=1)
        masks, length = episode["subtask_mask"], episode["length"]
        decisions[name] = episode["decision"][:length].tolist()
        expected, age = [], PERIOD
        for t in range(length):
            due = t == 0 or age >= PERIOD or bool((masks[t] != masks[t - 1]).any())
            expected.append(due)
            age = 1 if due else age + 1
        assert decisions[name] == expected
    assert any(decisions["copa"]) and not all(decisions["copa"])


@pytest.mark.parametrize("threshold", [0.0, 1e9])
def test_messages_are_counted(threshold):
    policy, main = _policy(broadcast_threshold=threshold)
    assert math.isnan(policy.broadcast_rate())
    strategies, _, subtasks = _evaluate(policy, main)
    decisions, age = 0, PERIOD
    for t in range(len(subtasks)):
        due = age == PERIOD or bool((subtasks[t] != subtasks[t - 1]).any())
        decisions += due
        age = 1 if due else age + 1
    assert decisions > 2
    if threshold:
        # Only the first decision reached the agents.
        assert torch.equal(strategies, strategies[:1].expand_as(strategies))
    assert policy.broadcast_rate() == pytest.approx(1 / decisions if threshold else 1)


def test_collecting_samples_strategies():
    policy, main = _policy()
    held = []
    for seed in (1, 2):
        policy._collect_generator.manual_seed(seed)
        env = SaveTheCityEnv(EasyDict(scenario=main.env.scenario, episode_limit=12))
        env.seed(3)
        policy.collect_mode.reset([0])
        policy.collect_mode.forward({0: env.reset()}, eps=0.1, env_step=0)
        held.append(torch.tensor(policy._collect_state._held["strategy"][0]))
    assert not torch.equal(*held)


def test_rows_decide_at_their_first_step_unless_told_otherwise():
    with_start, main = _policy()
    without, _ = _policy(first_step_decides=False)
    without._load_state_dict_learn(copy.deepcopy(with_start._state_dict_learn()))
    episodes = collect(with_start, main, episodes=8)
    table = table_of(episodes)
    rows = draw_sequences(table.lengths + 1, 6, np.full(8, 0.4))
    batch = table.batch(np.arange(8), rows)
    late = ~batch.decision[:, 0] & batch.valid[:, 0]
    assert late.any()
    before = {f.name: copy.copy(getattr(batch, f.name)) for f in fields(batch)}
    losses = [policy._value_update(batch)["copa_vi_loss"] for policy in (with_start, without)]
    assert losses[0] != losses[1]
    assert torch.equal(before["decision"], batch.decision)
