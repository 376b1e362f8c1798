import copy
from dataclasses import replace

import pytest
import torch
from allocator_cases import (
    close,
    decision_state,
    episode_batch,
    index_of,
    random_allocation,
    random_state,
    recorded_allocator,
    with_prefix,
)

from ding_alma.model.allocation.allocator import Allocator, ProposalDraws
from ding_alma.reference_runs.names import convert
from ding_alma.reference_runs.names_allocator import CRITIC_NAMES, convert_proposal
from ding_alma.rl.allocation import AllocationDraws, AllocationLossConfig, allocation_losses
from ding_alma.rl.decision_points import DecisionPoints, decision_points

METRICS = {
    "alloc_q_loss": "losses.alloc_q_loss",
    "alloc_amort_loss": "losses.alloc_amort_loss",
    "alloc_entropy": "losses.alloc_entropy",
    "best_prob": "alloc_metrics.best_prob",
    "perc_ag_changed": "alloc_metrics.perc_ag_changed",
    "ag_task_concentration": "alloc_metrics.ag_task_concentration",
    "any_task_no_agents_pi": "alloc_metrics.any_task_no_agents_pi",
}


def convert_critic(state):
    return convert(state, CRITIC_NAMES)


@pytest.mark.golden("alma", "allocation_learner")
def test_golden_alma_allocation_update(golden):
    batch = episode_batch(with_prefix(golden, "batch/"), int(golden["cfg/n_agents"]))
    points = decision_points(batch, int(golden["cfg/action_length"]), int(golden["cfg/max_bs"]))
    meta, out, draw, log = (with_prefix(golden, part) for part in ("meta/", "out/", "draw/", "log/"))
    close(points.reward, meta["reward"].squeeze(-1))
    close(points.usable, meta["mask"].squeeze(-1))
    expected_state = decision_state(meta)
    for field in ("entities", "entity_mask", "entity_subtask", "subtask_mask", "last_allocation"):
        assert getattr(points, field).equal(getattr(expected_state, field)), field

    live, target = recorded_allocator(golden), recorded_allocator(golden, "target_param")
    uniforms = draw["uniforms"].view(points.agents, points.points, live.proposals, points.subtasks)
    proposal_draws = ProposalDraws(draw["perm_policy"], draw["perm_critic_proposals"], uniforms)
    rated = live.propose(points, proposal_draws)
    assert rated.proposals.allocation.equal(index_of(out["proposals"]))
    assert rated.best.equal(out["best_prop_inds"])
    close(rated.value, out["proposal_q"].squeeze(-1))
    close(rated.proposals.log_prob, out["log_pi"].squeeze(-1))
    close(live.critic(points, points.allocation, draw["perm_critic_stored"]), out["alloc_q"].squeeze(-1))
    next_value = target.critic(points, rated.best_allocation, draw["perm_critic_target"])
    close(next_value, out["target_q_norm"].squeeze(-1))

    config = AllocationLossConfig(
        float(golden["cfg/gamma"]), float(golden["cfg/entropy_loss"]), int(golden["cfg/decay_old"])
    )
    draws = AllocationDraws(draw["perm_critic_stored"], proposal_draws, draw["perm_critic_target"])
    critic_loss, proposal_loss, metrics = allocation_losses(
        live, target, points, int(golden["cfg/t_env"]), config, draws
    )
    assert metrics.keys() == METRICS.keys()
    for name, key in METRICS.items():
        close(metrics[name], log[key])

    for module, loss, rename, name, norm in (
        (live.critic, critic_loss, convert_critic, "alloc_critic", "alloc_q_grad_norm"),
        (live.proposal, proposal_loss, convert_proposal, "alloc_policy", "alloc_pi_grad_norm"),
    ):
        optimiser = torch.optim.RMSprop(
            module.parameters(), *(float(golden[f"cfg/{key}"]) for key in ("lr", "optim_alpha", "optim_eps"))
        )
        loss.backward()
        gradients = rename(with_prefix(golden, f"grad/{name}."))
        for parameter_name, parameter in module.named_parameters():
            close(parameter.grad, gradients[parameter_name], 1e-4)
        close(
            torch.nn.utils.clip_grad_norm_(module.parameters(), float(golden["cfg/grad_norm_clip"])),
            log[f"train_metrics.{norm}"],
            1e-4,
        )
        optimiser.step()
        after = rename(with_prefix(golden, f"post_{name}/"))
        for key, value in module.state_dict().items():
            close(value, after[key], 1e-4)


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(4)
    torch.manual_seed(4)
    state = random_state(generator, 12, 4, 5, 3, 6)
    allocation = random_allocation(generator, state, 1).squeeze(1)
    points = DecisionPoints(
        **vars(state),
        allocation=allocation,
        reward=torch.randn(12, generator=generator),
        terminated=torch.arange(12) % 5 == 4,
        usable=torch.arange(12) % 4 > 0,
        collected_at=torch.arange(12) * 1000,
        exists=torch.ones(12, dtype=torch.bool),
    )
    live, target = (Allocator(6, 3, 4, 8, 2, 8, 2) for _ in range(2))
    return live, target, points, AllocationDraws.draw(generator, live, points)


def losses(case, points, env_step=20_000, **config):
    live, target, _, draws = case
    return allocation_losses(live, target, points, env_step, AllocationLossConfig(**config), draws)


def test_nothing_usable_gives_zero_losses_and_leaves_the_critic_alone(case):
    live, points = case[0], case[2]
    before = {key: value.clone() for key, value in live.critic.state_dict().items()}
    critic_loss, proposal_loss, metrics = losses(
        case, replace(points, usable=torch.zeros(12, dtype=torch.bool)), entropy_weight=0.0
    )
    assert critic_loss == 0 and proposal_loss == 0
    assert all(torch.isfinite(value) for value in metrics.values())
    (critic_loss + proposal_loss).backward()
    assert all((p.grad == 0).all() for p in live.parameters() if p.grad is not None)
    assert all(value.equal(before[key]) for key, value in live.critic.state_dict().items())


def test_episodes_beyond_the_age_limit_do_not_train_the_critic(case):
    critic_loss, _, _ = losses(case, case[2], env_step=10_000_000)
    assert critic_loss == 0


def test_unusable_points_have_no_influence_on_the_critic_loss(case):
    points = case[2]
    live_state = {key: value.clone() for key, value in case[0].state_dict().items()}
    expected, _, _ = losses(case, points)
    case[0].load_state_dict(live_state)
    changed = replace(points, reward=torch.where(points.usable, points.reward, 1e6))
    actual, _, _ = losses(case, changed)
    close(actual, expected)


def test_target_gets_no_gradient_and_the_two_losses_share_no_parameter(case):
    live, target, points, _ = case
    critic_loss, proposal_loss, _ = losses(case, points)
    critic_loss.backward()
    assert all(p.grad is None for p in target.parameters())
    assert all(p.grad is None for p in live.proposal.parameters())
    assert all(p.grad is not None for p in live.critic.parameters())
    proposal_loss.backward()
    assert all(p.grad is not None for p in live.proposal.parameters())


def test_a_single_decision_point_is_enough(case):
    live, target, points, _ = case
    single = points.rows(slice(5, 6))
    draws = AllocationDraws.draw(None, live, single)
    critic_loss, proposal_loss, _ = allocation_losses(live, target, single, 5000, AllocationLossConfig(), draws)
    assert critic_loss == 0
    assert torch.isfinite(proposal_loss)


def test_decisions_that_do_not_exist_teach_nothing(case):
    live, target, points, draws = case

    def learnt(points, draws):
        network = copy.deepcopy(live)
        critic_loss, proposal_loss, metrics = allocation_losses(
            network, target, points, torch.tensor(20_000), AllocationLossConfig(), draws
        )
        (critic_loss + proposal_loss).backward()
        gradients = [parameter.grad for parameter in network.parameters()]
        return [critic_loss, proposal_loss, *metrics.values(), *gradients, *network.critic.popart.state_dict().values()]

    assert bool(points.usable[-1])
    torch.testing.assert_close(learnt(points.fixed(17), draws.fixed(17)), learnt(points, draws), rtol=1e-5, atol=1e-6)


def test_allocator_refuses_a_single_proposal():
    with pytest.raises(ValueError, match="at least 2"):
        Allocator(6, 3, 1)
