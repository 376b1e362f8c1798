"""Agents that compare themselves with what they see."""

import pytest
import torch

from ding_alma.model.attention.attention_plan import DensePlan, plan_attention
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.subtask_embedding import SubtaskEmbedding
from ding_alma.model.value.agent import SubtaskLabel
from ding_alma.model.value.agent_pairwise import PairwiseAgent

STEPS, AGENTS, ENTITIES, FEATURES, ACTIONS = 7, 3, 5, 6, 4


@pytest.fixture
def drawn():
    torch.manual_seed(0)
    entities = torch.randn(STEPS, ENTITIES, FEATURES)
    last_action = torch.randint(-1, ACTIONS, (STEPS, AGENTS))
    allowed = torch.rand(2, STEPS, AGENTS, ENTITIES) < 0.6
    asking = torch.rand(STEPS, AGENTS) < 0.7
    return (
        PairwiseAgent(FEATURES + ACTIONS, ACTIONS, 8, 2, 8, coordinates=(4, 5)),
        entities,
        last_action,
        allowed,
        asking,
    )


@pytest.mark.parametrize("zeros", [0.0, 0.9], ids=["dense features", "mostly zeros"])
@pytest.mark.parametrize("labelled", [False, True], ids=["no labels", "labels"])
def test_packed_and_regular_computations_agree(drawn, zeros, labelled):
    agent, entities, last_action, allowed, asking = drawn
    entities = entities * (torch.rand_like(entities) >= zeros)
    label = None
    if labelled:
        agent.encoder.embedding = SubtaskEmbedding(3, 8)
        membership = torch.nn.functional.one_hot(torch.randint(3, (STEPS, ENTITIES)), 3).float()
        label = SubtaskLabel(membership, torch.randperm(3))
    results = []
    for plan in (DensePlan(allowed, asking), plan_attention(allowed, asking)):
        agent.zero_grad()
        utilities = agent(EntityInputs(entities, last_action, ACTIONS), plan, label)
        utilities.square().sum().backward()
        results.append([utilities.detach(), *(parameter.grad.clone() for parameter in agent.parameters())])
    for regular, packed in zip(*results, strict=True):
        torch.testing.assert_close(regular, packed, rtol=1e-4, atol=1e-5)


def test_what_an_agent_does_not_see_does_not_matter(drawn):
    agent, entities, last_action, allowed, asking = drawn
    allowed[..., -1] = False
    plan = plan_attention(allowed, asking)
    before = agent(EntityInputs(entities, last_action, ACTIONS), plan)
    entities = entities.clone()
    entities[:, -1] += 100
    assert torch.equal(before, agent(EntityInputs(entities, last_action, ACTIONS), plan))


def test_labels_tell_pairs_apart_that_differ_in_them_only():
    torch.manual_seed(0)
    agent = PairwiseAgent(FEATURES, ACTIONS, 8, 2, 8, embedding=SubtaskEmbedding(3, 8))
    entities = torch.randn(STEPS, ENTITIES, FEATURES)
    inputs, plan = (
        EntityInputs(entities),
        DensePlan(torch.ones(1, STEPS, AGENTS, ENTITIES) > 0, torch.ones(STEPS, AGENTS) > 0),
    )

    def pairs(subtask, permutation):
        membership = torch.nn.functional.one_hot(subtask, 3).float().expand(STEPS, -1, -1)
        label = SubtaskLabel(membership, torch.tensor(permutation))
        return agent.encoder(inputs, plan, label)

    together = pairs(torch.full((ENTITIES,), 1), [0, 1, 2])
    torch.testing.assert_close(together, pairs(torch.full((ENTITIES,), 2), [2, 0, 1]))
    apart = pairs(torch.tensor([0, 1, 2, 0, 1]), [0, 1, 2])
    assert (together - apart).abs().max() > 1e-2
