"""Properties of the low level that hold for any weights (padding, monotonicity, what the loss must not depend on)."""

import copy
from dataclasses import fields, replace

import pytest
import torch
from random_batch import ACTIONS, AGENTS, ENTITIES, SHAPE, SUBTASKS, random_batch

from ding_alma.model.attention.attention_plan import DensePlan, PackedPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.one_hot import one_hot
from ding_alma.model.value.value_network import ValueNetwork
from ding_alma.rl.mixed_q import MixedQConfig, MixedQDraws, mixed_q_loss
from ding_alma.rl.network_inputs import mixer_allowed, mixer_inputs, mixer_membership, subtask_of_entities
from ding_alma.rl.value_acting import acting_strategies, acting_utilities

CONDITIONINGS = pytest.mark.parametrize("conditioning", ["none", "mask", "embed"])


def _acting_arguments(batch):
    names = ("entities", "last_action", "entity_mask", "obs_mask", "entity_subtask", "allocation")
    return {name: getattr(batch, name)[:, 0] for name in names}


def _extras(networks, agents=AGENTS, steps=3):
    permutation = torch.tensor([2, 0, 1]) if networks.conditioning == "embed" else None
    strategy = torch.randn(steps, agents, 12) if networks.coach is not None else None
    return dict(subtasks=SUBTASKS, permutation=permutation, strategy=strategy)


@CONDITIONINGS
def test_padding_with_agents_and_entities_leaves_utilities_alone(conditioning):
    torch.manual_seed(0)
    networks = ValueNetwork(SHAPE, conditioning)
    arguments = _acting_arguments(random_batch())
    utilities, _ = acting_utilities(networks, **arguments, **_extras(networks))

    def pad(x, agent_axis, entity_axis, value):
        """Two more agents behind the agents and one more entity behind the others."""
        if agent_axis is not None:
            x = torch.cat([x, torch.full_like(x.narrow(agent_axis, 0, 2), value)], agent_axis)
        if entity_axis is not None:
            agents, others = x.narrow(entity_axis, 0, AGENTS), x.narrow(entity_axis, AGENTS, ENTITIES - AGENTS)
            more = torch.full_like(x.narrow(entity_axis, 0, 1), value)
            x = torch.cat([agents, more, more, others, more], entity_axis)
        return x

    padded = {
        "entities": pad(arguments["entities"], None, 1, 0.0),
        "last_action": pad(arguments["last_action"], 1, None, -1),
        "entity_mask": pad(arguments["entity_mask"], None, 1, False),
        "obs_mask": pad(arguments["obs_mask"], 1, 2, False),
        "entity_subtask": pad(arguments["entity_subtask"], None, 1, -1),
        "allocation": pad(arguments["allocation"], 1, None, -1),
    }
    more, _ = acting_utilities(networks, **padded, **_extras(networks))
    torch.testing.assert_close(more[:, :AGENTS], utilities, atol=1e-6, rtol=1e-6)
    assert not more[:, AGENTS:].any()


@CONDITIONINGS
@pytest.mark.parametrize("options", [{}, {"softmax_mixing": False}, {"mixer_bias_abs": False}])
def test_values_are_monotonic_and_separate(conditioning, options):
    torch.manual_seed(1)
    mixer = ValueNetwork(SHAPE, conditioning, **options).mixer
    batch = random_batch(rows=8, steps=1)
    allocation = batch.allocation[:, 0]
    subtask = subtask_of_entities(allocation, batch.entity_subtask[:, 0])
    exists = batch.entity_mask[:, 0]
    allowed = mixer_allowed(conditioning, exists, subtask, AGENTS).unsqueeze(0)
    plan = PackedPlan(allowed, exists[:, :AGENTS])
    inputs = EntityInputs(batch.entities[:, 0], batch.last_action[:, 0], ACTIONS)
    inputs = mixer_inputs(conditioning, inputs, subtask, SUBTASKS)
    membership = mixer_membership(conditioning, allocation)
    gate = one_hot(membership, mixer._groups)
    utilities = torch.randn(8, AGENTS)
    before = mixer(utilities, inputs, plan, membership).detach()
    for agent in range(AGENTS):
        raised = utilities.clone()
        raised[:, agent] += 1.5
        change = mixer(raised, inputs, plan, membership).detach() - before
        mine = (gate[:, agent] > 0) & exists[:, agent, None]
        assert (change[mine] > 0).all()
        assert torch.equal(change[gate[:, agent] == 0], torch.zeros_like(change[gate[:, agent] == 0]))
    assert mine.any()


def _loss(networks, batch, config, draws):
    networks, target = copy.deepcopy(networks), copy.deepcopy(networks)
    loss, metrics = mixed_q_loss(networks, target, batch, config, draws)
    loss.backward()
    return loss.detach(), metrics, {n: p.grad for n, p in networks.named_parameters()}


@CONDITIONINGS
@pytest.mark.parametrize("imagined_weight", [0.0, 0.5])
def test_packed_and_dense_losses_agree(monkeypatch, conditioning, imagined_weight):
    torch.manual_seed(2)
    networks = ValueNetwork(SHAPE, conditioning, coach=conditioning == "none")
    batch = random_batch()
    config = MixedQConfig(imagined_weight=imagined_weight)
    draws = MixedQDraws.draw(networks, batch, config, torch.Generator().manual_seed(3))
    packed = _loss(networks, batch, config, draws)
    for module in ("mixed_q", "strategies"):
        monkeypatch.setattr(f"ding_alma.rl.{module}.plan_attention", DensePlan)
    dense = _loss(networks, batch, config, draws)
    torch.testing.assert_close(packed, dense, atol=1e-5, rtol=1e-4)


@CONDITIONINGS
def test_only_valid_transitions_count(conditioning):
    torch.manual_seed(4)
    networks = ValueNetwork(SHAPE, conditioning)
    batch, config = random_batch(), MixedQConfig()
    draws = MixedQDraws.draw(networks, batch, config, torch.Generator().manual_seed(5))
    expected = _loss(networks, batch, config, draws)
    starts = batch.valid.clone()
    starts[:, -1] = False
    neither = ~(starts | starts.roll(1, 1))
    assert neither.any()
    scrambled = replace(
        batch,
        entities=torch.where(neither[..., None, None], 1e3, batch.entities),
        reward=torch.where(starts, batch.reward, 1e3),
        subtask_reward=torch.where(starts.unsqueeze(-1), batch.subtask_reward, 1e3),
    )
    torch.testing.assert_close(_loss(networks, scrambled, config, draws), expected)


def test_a_batch_without_valid_transitions_is_harmless():
    networks = ValueNetwork(SHAPE, "mask")
    batch = random_batch()
    batch = replace(batch, valid=torch.zeros_like(batch.valid))
    loss, _, gradients = _loss(networks, batch, MixedQConfig(), MixedQDraws())
    assert loss == 0
    assert all(gradient is None or not gradient.any() for gradient in gradients.values())


def test_a_true_end_ends_every_subtask_only_on_request():
    torch.manual_seed(6)
    networks = ValueNetwork(SHAPE, "mask")
    batch = random_batch()
    ended = torch.ones_like(batch.terminated)
    never = replace(batch, terminated=~ended, subtask_done=torch.zeros_like(batch.subtask_done))
    always = replace(never, terminated=ended)
    default, strict = MixedQConfig(), MixedQConfig(episode_end_is_terminal=True)
    kept = [_loss(networks, b, default, MixedQDraws())[0] for b in (never, always)]
    assert torch.equal(*kept)
    assert _loss(networks, always, strict, MixedQDraws())[0] != kept[0]
    assert _loss(networks, never, strict, MixedQDraws())[0] == kept[0]


def test_single_q_learning_takes_the_targets_own_maximum():
    torch.manual_seed(7)
    live, target = ValueNetwork(SHAPE, "none"), ValueNetwork(SHAPE, "none")
    batch = replace(random_batch(), reward=torch.zeros(3, 6), terminated=torch.zeros(3, 6, dtype=torch.bool))
    double, single = (
        mixed_q_loss(copy.deepcopy(live), target, batch, MixedQConfig(double_q=flag), MixedQDraws())[1]
        for flag in (True, False)
    )
    assert double["q_taken_mean"] == single["q_taken_mean"]
    assert double["q_loss"] != single["q_loss"]


def test_draws_have_the_shapes_that_the_loss_wants_and_follow_their_generator():
    networks = ValueNetwork(SHAPE, "none", coach=True)
    batch, config = random_batch(), MixedQConfig(imagined_weight=0.5)
    first, second = (MixedQDraws.draw(networks, batch, config, torch.Generator().manual_seed(8)) for _ in range(2))
    decisions = int(batch.decision.sum())
    assert first.coach_noise.shape == (3, decisions, AGENTS, 12)
    assert first.target_coach_noise.shape == (1, decisions, AGENTS, 12)
    assert first.groups.shape == (3, ENTITIES) and first.groups.dtype == torch.bool
    assert first.agent_permutation is None
    assert sorted(first.coach_permutation.tolist()) == list(range(SUBTASKS))
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        assert (a is None and b is None) or torch.equal(a, b)


def test_missing_draws_are_named():
    networks = ValueNetwork(SHAPE, "embed")
    with pytest.raises(ValueError, match=r"groups.*agent_permutation"):
        mixed_q_loss(networks, networks, random_batch(), MixedQConfig(imagined_weight=0.5), MixedQDraws())


def test_tied_actions_need_a_batch_with_ties():
    networks, batch, config = ValueNetwork(SHAPE), random_batch(), MixedQConfig(tie_actions=True)
    assert batch.action_subtask is None
    with pytest.raises(ValueError, match="tied actions need"):
        mixed_q_loss(networks, networks, batch, config, MixedQDraws())


def test_unknown_conditioning_is_refused():
    with pytest.raises(ValueError, match="conditioning must be one of"):
        ValueNetwork(SHAPE, "full_obs")


def test_acting_says_what_is_missing():
    arguments = _acting_arguments(random_batch())
    with pytest.raises(ValueError, match="permutation"):
        acting_utilities(ValueNetwork(SHAPE, "embed"), **arguments, subtasks=SUBTASKS)
    with pytest.raises(ValueError, match="strategies"):
        acting_utilities(ValueNetwork(SHAPE, "none", coach=True), **arguments, subtasks=SUBTASKS)


def test_strategies_move_utilities_of_present_agents_only():
    torch.manual_seed(9)
    networks = ValueNetwork(SHAPE, "none", coach=True)
    arguments = _acting_arguments(random_batch())
    coach = acting_strategies(
        networks,
        **{key: arguments[key] for key in ("entities", "entity_mask", "entity_subtask", "allocation")},
        subtasks=SUBTASKS,
        permutation=torch.tensor([1, 2, 0]),
    )
    present = arguments["entity_mask"][:, :AGENTS]
    quiet, moved = (
        acting_utilities(networks, **arguments, subtasks=SUBTASKS, strategy=strategy)[0]
        for strategy in (torch.zeros_like(coach.mean), coach.mean)
    )
    difference = (moved - quiet).abs().sum(-1)
    assert torch.equal(difference > 0, present)


@CONDITIONINGS
def test_looking_ahead_stops_where_a_team_changes(conditioning):
    torch.manual_seed(0)
    networks = ValueNetwork(SHAPE, conditioning)
    permutation = torch.tensor([2, 0, 1]) if conditioning == "embed" else None
    draws = MixedQDraws(agent_permutation=permutation, target_agent_permutation=permutation)
    batch = random_batch(rows=4, steps=5)
    kept = replace(batch, allocation=batch.allocation[:, :1].expand(-1, 5, -1).contiguous())
    moved = replace(batch, allocation=(batch.allocation[:, :1] + torch.arange(5).view(1, 5, 1)) % SUBTASKS)

    def target_mean(data, td_lambda):
        config = MixedQConfig(td_lambda=td_lambda)
        metrics = mixed_q_loss(copy.deepcopy(networks), networks, data, config, draws)[1]
        return metrics["target_mean"], metrics["td_error_abs"]

    assert target_mean(kept, 0.0) != target_mean(kept, 0.7)
    assert (target_mean(moved, 0.0) == target_mean(moved, 0.7)) == (conditioning != "none")
