"""Properties of imagined groups, of agents with a memory and of the other mixers, for any weights."""

import copy
from dataclasses import replace

import pytest
import torch
from random_batch import ACTIONS, AGENTS, ENTITIES, SHAPE, random_batch

from ding_alma.model.attention.attention_plan import DensePlan, PackedPlan
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.value.value_network import ValueNetwork
from ding_alma.rl.mixed_q import MixedQConfig, MixedQDraws, mixed_q_loss
from ding_alma.rl.network_inputs import both_exist
from ding_alma.rl.refil import agent_views, split_pairs

NETWORKS = pytest.mark.parametrize(
    ("agent", "mixer"), [("feedforward", "flex"), ("recurrent", "flex"), ("direct", "linear"), ("recurrent", "vdn")]
)
MIXERS = pytest.mark.parametrize("mixer", ["flex", "linear", "vdn"])


def _networks(agent="feedforward", mixer="flex", seed=0, **options):
    torch.manual_seed(seed)
    return ValueNetwork(SHAPE, "none", agent=agent, mixer=mixer, mixer_bias_abs=False, popart=False, **options)


def _loss(networks, batch, groups, **config):
    target = copy.deepcopy(networks)
    config = MixedQConfig(imagined_weight=0.5, **config)
    return mixed_q_loss(networks, target, batch, config, MixedQDraws(groups=groups))[1]


def _groups(seed=1, rows=3):
    return torch.rand(rows, ENTITIES, generator=torch.Generator().manual_seed(seed)) < 0.5


def _same(one, other):
    for name in ("q_loss", "im_loss"):
        torch.testing.assert_close(one[name], other[name], atol=1e-5, rtol=1e-5)


@NETWORKS
def test_naming_the_two_groups_the_other_way_round_changes_nothing(agent, mixer):
    networks, batch = _networks(agent, mixer), random_batch()
    metrics = _loss(networks, batch, _groups())
    _same(metrics, _loss(networks, batch, ~_groups()))
    assert metrics["im_loss"] != _loss(networks, batch, _groups(seed=2))["im_loss"]


@NETWORKS
def test_entities_that_are_never_there_count_for_nothing(agent, mixer):
    networks, batch = _networks(agent, mixer), random_batch()
    for gone in (AGENTS - 1, ENTITIES - 1):
        batch.entity_mask[:, :, gone] = False
        batch.obs_mask[..., gone] = False
        changed = replace(batch, entities=batch.entities.clone())
        changed.entities[:, :, gone] += 5
        _same(_loss(networks, batch, _groups()), _loss(networks, changed, _groups()))


@NETWORKS
def test_the_order_of_entities_that_are_no_agents_does_not_matter(agent, mixer):
    networks, batch = _networks(agent, mixer), random_batch()
    order = torch.cat([torch.arange(AGENTS), AGENTS + torch.tensor([2, 0, 1])])
    shuffled = replace(
        batch,
        entities=batch.entities[:, :, order],
        entity_mask=batch.entity_mask[:, :, order],
        obs_mask=batch.obs_mask[..., order],
        entity_subtask=batch.entity_subtask[:, :, order],
    )
    _same(_loss(networks, batch, _groups()), _loss(networks, shuffled, _groups()[:, order]))


def test_within_one_group_of_all_agents_see_what_they_see():
    batch = random_batch()
    batch.entity_mask[:] = True
    split = split_pairs(torch.ones(3, ENTITIES, dtype=torch.bool), batch.entity_mask[:, 0], AGENTS)
    within, beyond = agent_views(batch.obs_mask, split)
    assert torch.equal(within, batch.obs_mask)
    assert not beyond.any()
    networks = _networks("recurrent")
    plan = PackedPlan(
        torch.stack([batch.obs_mask, within]).flatten(1, 2), batch.entity_mask[..., :AGENTS].flatten(0, 1)
    )
    inputs = EntityInputs(batch.entities.flatten(0, 1), batch.last_action.flatten(0, 1), ACTIONS)
    full, imagined = networks.agent.unroll(inputs, plan, torch.zeros(3, 6, dtype=torch.bool))
    torch.testing.assert_close(full, imagined)


def test_true_groups_split_as_their_numbers_say():
    networks, batch = _networks(), random_batch()
    with pytest.raises(ValueError, match="true groups"):
        _loss(networks, batch, None, imagined_groups="given")
    batch.entity_mask[:] = True
    groups = _groups()
    given = replace(batch, groups=groups.long().unsqueeze(1).expand(-1, 6, -1).contiguous())
    drawn = _loss(networks, batch, groups)
    _same(drawn, _loss(networks, given, None, imagined_groups="given"))
    # Groups that are drawn as they truly are leave nothing to tell apart.
    _same(drawn, _loss(networks, given, groups, imagined_groups="random_given"))
    assert drawn["im_loss"] != _loss(networks, given, _groups(seed=5), imagined_groups="random_given")["im_loss"]


@pytest.mark.parametrize("plan_class", [DensePlan, PackedPlan])
@pytest.mark.parametrize("pooling", ["attention", "max", "mean"])
def test_a_memory_carried_by_hand_equals_the_unrolled_row(plan_class, pooling):
    agent, batch = _networks("recurrent", pooling=pooling).agent, random_batch(rows=3, steps=7)
    first = torch.zeros(3, 7, dtype=torch.bool)
    first[0, 3] = first[2, 0] = first[2, 5] = first[1, 5] = True
    present = batch.entity_mask[..., :AGENTS]
    inputs = EntityInputs(batch.entities.flatten(0, 1), batch.last_action.flatten(0, 1), ACTIONS)
    plan = plan_class(batch.obs_mask.flatten(0, 1).unsqueeze(0), present.flatten(0, 1))
    unrolled = agent.unroll(inputs, plan, first).view(3, 7, AGENTS, ACTIONS)
    memory = torch.zeros(3, AGENTS, agent.memory_dim)
    for t in range(7):
        memory = memory * ~first[:, t, None, None]
        plan = plan_class(batch.obs_mask[:, t].unsqueeze(0), present[:, t])
        now = EntityInputs(batch.entities[:, t], batch.last_action[:, t], ACTIONS)
        utilities, memory = agent.step(now, plan, memory)
        torch.testing.assert_close(utilities.squeeze(0), unrolled[:, t], atol=1e-6, rtol=1e-5)


def test_memories_matter_and_end_with_their_episode():
    agent, batch = _networks("recurrent").agent, random_batch(rows=1, steps=6)
    batch.entity_mask[:] = True
    plan = DensePlan(batch.obs_mask.flatten(0, 1).unsqueeze(0), batch.entity_mask[..., :AGENTS].flatten(0, 1))
    inputs = EntityInputs(batch.entities.flatten(0, 1), batch.last_action.flatten(0, 1), ACTIONS)
    changed = inputs.dense.clone()
    changed[1] += 1
    other = EntityInputs(changed)
    for starts_at, remembers in ((None, True), (3, False)):
        first = torch.zeros(1, 6, dtype=torch.bool)
        if starts_at:
            first[0, starts_at] = True
        one, two = (agent.unroll(x, plan, first).squeeze(0) for x in (inputs, other))
        assert torch.equal(one[0], two[0])
        assert torch.equal(one[3:], two[3:]) is not remembers


@MIXERS
@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("popart", [True, False])
def test_values_never_fall_when_a_utility_rises(mixer, softmax, popart):
    torch.manual_seed(3)
    network = ValueNetwork(
        SHAPE, "none", mixer=mixer, softmax_mixing=softmax, mixer_bias_abs=False, popart=popart
    ).mixer
    batch = random_batch()
    exists = batch.entity_mask.flatten(0, 1)
    inputs = EntityInputs(batch.entities.flatten(0, 1), batch.last_action.flatten(0, 1), ACTIONS)
    split = split_pairs(_groups(), batch.entity_mask[:, 0], AGENTS)
    views = torch.stack([both_exist(exists, AGENTS), *split.steps(6)])
    plan = DensePlan(views, exists[:, :AGENTS])
    weights = network.weights(inputs, plan, torch.zeros(len(exists), AGENTS, dtype=torch.int64))
    for chosen in (slice(0, 1), slice(1, 3)):
        utilities = torch.randn(chosen.stop - chosen.start, len(exists), AGENTS, requires_grad=True)
        value = network.popart(network.mix(utilities, weights, chosen))
        (slope,) = torch.autograd.grad(value.sum(), utilities)
        assert (slope >= 0).all() and (slope > 0).any()


def test_a_weighted_sum_needs_one_team():
    with pytest.raises(ValueError, match="one value for all agents"):
        ValueNetwork(SHAPE, "mask", mixer="linear")


@NETWORKS
def test_a_coach_s_strategies_fit_the_agents_they_are_added_to(agent, mixer):
    shape = replace(SHAPE, hidden_dim=SHAPE.attention_dim // 2)
    torch.manual_seed(0)
    networks = ValueNetwork(shape, "none", coach=True, coach_labels=False, agent=agent, mixer=mixer, popart=False)
    batch = random_batch()
    noise = torch.randn(1, int(batch.decision.sum()), AGENTS, networks.coach.mean.out_features)
    loss, _ = mixed_q_loss(
        networks,
        copy.deepcopy(networks),
        batch,
        MixedQConfig(strategy_weight=0.0, strategy_entropy_weight=0.0),
        MixedQDraws(coach_noise=noise, target_coach_noise=noise),
    )
    loss.backward()
    assert networks.coach.mean.weight.grad.abs().sum() > 0


def test_without_last_actions_they_change_nothing():
    networks = ValueNetwork(replace(SHAPE, last_action=False), "none", popart=False)
    batch = random_batch()
    other = replace(batch, last_action=(batch.last_action + 2) % ACTIONS)
    losses = [
        mixed_q_loss(networks, copy.deepcopy(networks), data, MixedQConfig(), MixedQDraws())[1]["td_error_abs"]
        for data in (batch, other)
    ]
    torch.testing.assert_close(*losses)
