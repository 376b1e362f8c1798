"""COMA's repairs, each against plain arithmetic or DI-engine's own functions where those are right."""

import numpy as np
import pytest
import torch
from ding.rl_utils import coma_data, coma_error
from ding.rl_utils.td import generalized_lambda_returns

from ding_alma.model.actor_critic.categorical import MixedCategorical
from ding_alma.rl.coma import actor_loss, critic_loss, lambda_returns, taken

STEPS, ROWS, AGENTS, ACTIONS = 7, 4, 3, 5
DISCOUNT, TRACE = 0.9, 0.7
LENGTHS = (6, 4, 1, 6)
"""Transitions; the second and the last episode end, the others are cut."""


def _episodes(seed=0, everybody=False):
    g = torch.Generator().manual_seed(seed)
    step = torch.arange(STEPS).unsqueeze(1)
    length = torch.tensor([STEPS - 1] * ROWS if everybody else LENGTHS)
    valid = step < length
    acting = torch.rand(STEPS, ROWS, AGENTS, generator=g) < (2.0 if everybody else 0.6)
    ended = torch.tensor([not everybody and row % 2 == 1 for row in range(ROWS)])
    return dict(
        q_taken=torch.randn(STEPS, ROWS, AGENTS, generator=g),
        acting=acting & (step <= length).unsqueeze(-1),
        reward=torch.randn(STEPS, ROWS, generator=g) * valid,
        terminated=(step == length - 1) & ended,
        valid=valid,
    )


def _returns(episodes):
    return lambda_returns(**episodes, discount=DISCOUNT, trace=TRACE)


def _plain_return(q, acting, reward, terminated, t, length, agent):
    """Of one agent from step t, written as the recursion stands in the paper."""
    if t == length:
        return q[t, agent] if acting[t, agent] else (q[t][acting[t]].mean() if acting[t].any() else 0.0)
    if t == length - 1 and terminated:
        return reward[t]
    ahead = _plain_return(q, acting, reward, terminated, t + 1, length, agent)
    if acting[t + 1].any():
        value = q[t + 1, agent] if acting[t + 1, agent] else q[t + 1][acting[t + 1]].mean()
        ahead = (1 - TRACE) * value + TRACE * ahead
    return reward[t] + DISCOUNT * ahead


@pytest.mark.parametrize("seed", range(3))
def test_returns_are_those_of_a_plain_recursion(seed):
    episodes = _episodes(seed)
    episodes["acting"][2, 0] = episodes["acting"][4, 1] = False
    returns = _returns(episodes)
    arrays = {key: value.numpy() for key, value in episodes.items()}
    for row, length in enumerate(LENGTHS):
        q, acting, reward = (arrays[key][:, row] for key in ("q_taken", "acting", "reward"))
        for t in range(length):
            expected = [_plain_return(q, acting, reward, row % 2 == 1, t, length, agent) for agent in range(AGENTS)]
            np.testing.assert_allclose(returns[t, row].numpy(), expected, rtol=1e-5, atol=1e-6)


def test_where_everybody_acts_and_nothing_ends_targets_and_policy_loss_are_ding_s():
    episodes = _episodes(everybody=True)
    reward = episodes["reward"][:-1].unsqueeze(-1).expand(-1, -1, AGENTS).flatten(1)
    theirs = generalized_lambda_returns(episodes["q_taken"].flatten(1), reward, DISCOUNT, TRACE)
    torch.testing.assert_close(_returns(episodes)[:-1].flatten(1), theirs)

    shape = (STEPS, ROWS, AGENTS, ACTIONS)
    logit, q_value = torch.randn(shape), torch.randn(shape)
    action = torch.randint(ACTIONS, shape[:-1])
    data = coma_data(logit, action, q_value, q_value, episodes["reward"], None)
    theirs = coma_error(data, DISCOUNT, TRACE)
    everywhere = torch.ones(shape, dtype=torch.bool)
    ours = actor_loss(MixedCategorical(logit, everywhere, 0.0), q_value, action, everywhere[..., 0])
    torch.testing.assert_close(ours, (theirs.policy_loss, theirs.entropy_loss))


def test_the_last_reward_teaches_the_critic_here_and_not_in_ding():
    episodes = _episodes(everybody=True)
    reward = episodes["reward"].clone().requires_grad_()
    q_value = torch.randn(STEPS, ROWS, AGENTS, ACTIONS)
    action = torch.randint(ACTIONS, (STEPS, ROWS, AGENTS))
    # DI-engine's chunk of the six transitions, its last step that of the last reward.
    chunk = slice(0, STEPS - 1)
    data = coma_data(q_value[chunk], action[chunk], q_value[chunk], q_value[chunk], reward[chunk], None)
    (theirs,) = torch.autograd.grad(coma_error(data, DISCOUNT, TRACE).q_value_loss, reward)
    assert not theirs[-2:].any() and theirs[:-2].all()
    returns = _returns({**episodes, "q_taken": taken(q_value, action), "reward": reward})
    counts = episodes["valid"].unsqueeze(-1).expand_as(returns)
    (ours,) = torch.autograd.grad(critic_loss(q_value, action, returns, counts), reward)
    assert ours[:-1].all()


def test_a_true_end_cuts_and_a_time_limit_does_not():
    episodes = _episodes()
    changed = {**episodes, "q_taken": episodes["q_taken"].clone(), "acting": episodes["acting"].clone()}
    for row, length in enumerate(LENGTHS):
        episodes["acting"][length, row] = changed["acting"][length, row] = True
        changed["q_taken"][length, row] += 1
    difference = (_returns(changed) - _returns(episodes)).abs().sum(-1)
    for row, length in enumerate(LENGTHS):
        assert (difference[:length, row] > 0).all() == (row % 2 == 0)
        assert not difference[:length, row].any() or row % 2 == 0


def test_who_does_not_act_changes_nothing():
    """Neither losses nor gradients depend on what the networks say of agents that are absent or dead."""
    torch.manual_seed(0)
    episodes = _episodes()
    acting = episodes["acting"]
    counts = acting & episodes["valid"].unsqueeze(-1)
    mask = torch.rand(*acting.shape, ACTIONS) < 0.6
    mask[..., 1] = True
    mask = torch.where(acting.unsqueeze(-1), mask, torch.arange(ACTIONS) == 0)
    action = mask.float().flatten(0, 2).multinomial(1).view(acting.shape)
    results = []
    for noise in (0.0, 1e3):
        torch.manual_seed(1)
        logit, q_value = (torch.randn(*acting.shape, ACTIONS) for _ in "lq")
        logit, q_value = (torch.where(acting.unsqueeze(-1), x, x + noise).requires_grad_() for x in (logit, q_value))
        returns = _returns({**episodes, "q_taken": taken(q_value, action).detach()})
        value = critic_loss(q_value, action, returns, counts)
        policy, entropy = actor_loss(MixedCategorical(logit, mask, 0.2), q_value.detach(), action, counts)
        gradients = torch.autograd.grad(value + policy - entropy, (logit, q_value))
        assert not any(gradient[~counts].any() for gradient in gradients)
        results.append((value.detach(), policy.detach(), entropy.detach(), returns[counts], *gradients))
    torch.testing.assert_close(*results)
    assert results[0][-1].any() and results[0][-2].any()


def test_nothing_that_counts_gives_zero_losses():
    nobody = torch.zeros(STEPS, ROWS, AGENTS, dtype=torch.bool)
    q_value, action = torch.randn(*nobody.shape, ACTIONS), torch.zeros(nobody.shape, dtype=torch.int64)
    policy = MixedCategorical(q_value, torch.zeros(q_value.shape, dtype=torch.bool), 0.5)
    losses = [critic_loss(q_value, action, q_value[..., 0], nobody), *actor_loss(policy, q_value, action, nobody)]
    assert all(loss == 0 for loss in losses)
