import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_alma.model.attention.attention import EntityAttention
from ding_alma.model.attention.attention_plan import DensePlan, PackedPlan, plan_attention
from ding_alma.model.attention.entity_inputs import EntityInputs
from ding_alma.model.attention.packing import GRAIN
from ding_alma.model.attention.ragged_kernels import exponentials


def _case(seed, views, steps, agents, entities, density, dim=16):
    generator = torch.Generator().manual_seed(seed)
    allowed = torch.rand(views, steps, agents, entities, generator=generator) < density
    query_mask = torch.rand(steps, agents, generator=generator) < 0.7
    return allowed, query_mask, torch.randn(steps, entities, dim, generator=generator)


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    views=st.integers(1, 3),
    steps=st.integers(1, 6),
    agents=st.integers(1, 4),
    others=st.integers(0, 4),
    density=st.sampled_from([0.0, 0.2, 0.7, 1.0]),
    heads=st.sampled_from([1, 2, 4]),
    width=st.sampled_from([3, 8, 16, 20, 32]),
)
def test_packed_and_dense_plans_agree_in_values_and_gradients(
    seed, views, steps, agents, others, density, heads, width
):
    allowed, query_mask, x = _case(seed, views, steps, agents, agents + others, density, heads * width)
    attention = EntityAttention(heads * width, heads)
    results = []
    for plan_class in (DensePlan, PackedPlan):
        plan = plan_class(allowed, query_mask)
        leaf = x.clone().requires_grad_()
        attention.zero_grad()
        out = plan.scatter(attention.attend(plan.gather(leaf), plan))
        out.square().sum().backward()
        results.append([out.detach(), leaf.grad, *(p.grad.clone() for p in attention.parameters())])
    for dense, packed in zip(*results, strict=True):
        torch.testing.assert_close(packed, dense, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("plan_class", [DensePlan, PackedPlan])
def test_a_plan_agrees_with_attention_without_a_plan(plan_class):
    allowed, query_mask, x = _case(1, 1, 7, 3, 5, 0.4)
    attention = EntityAttention(16, 4)
    plan = plan_class(allowed, query_mask)
    expected = attention(x, allowed[0], query_mask)
    torch.testing.assert_close(plan.scatter(attention.attend(plan.gather(x), plan))[0], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("plan_class", [DensePlan, PackedPlan])
def test_views_can_be_chosen(plan_class):
    allowed, query_mask, x = _case(2, 3, 4, 3, 5, 0.5)
    attention = EntityAttention(16, 2)
    plan = plan_class(allowed, query_mask)
    rows = plan.gather(x)
    every = plan.scatter(attention.attend(rows, plan))
    some = plan.scatter(attention.attend(rows, plan, slice(1, 3)))
    torch.testing.assert_close(some, every[1:], atol=1e-6, rtol=1e-6)


def test_packing_leaves_out_what_nobody_looks_at():
    allowed = torch.zeros(1, 2, 2, 4, dtype=torch.bool)
    allowed[0, 0, 0, 3] = True
    allowed[0, 1, 1, 2] = True
    query_mask = torch.tensor([[True, False], [False, False]])
    plan = plan_attention(allowed, query_mask)
    x = torch.arange(8.0).view(2, 4, 1)
    rows = plan.gather(x).flatten()
    assert len(rows) == GRAIN
    assert rows[:2].tolist() == [0.0, 3.0] and not rows[2:].any()


def test_queries_of_a_dense_tensor_follow_the_order_of_the_plan():
    allowed, query_mask, _ = _case(3, 2, 5, 3, 4, 0.5)
    plan = PackedPlan(allowed, query_mask)
    x = torch.randn(2, 5, 3, 6)
    torch.testing.assert_close(plan.scatter(plan.gather_queries(x)), x * query_mask.unsqueeze(-1))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    views=st.integers(1, 3),
    steps=st.sampled_from([1, 5, 200]),
    networks=st.integers(1, 3),
    heads=st.sampled_from([1, 2, 4]),
    zeros=st.sampled_from([0.0, 0.9, 1.0]),
)
def test_encoding_and_attending_at_once_agrees_in_values_and_gradients(seed, views, steps, networks, heads, zeros):
    torch.manual_seed(seed)
    agents, entities, actions = 3, 5, 4
    allowed, query_mask, x = _case(seed, views, steps, agents, entities, 0.4)
    x = x * (torch.rand(x.shape) >= zeros)
    inputs = EntityInputs(x, torch.randint(-1, actions, (steps, agents)), actions)
    encoders = [torch.nn.Linear(inputs.columns, 16) for _ in range(networks)]
    attentions = [EntityAttention(16, heads) for _ in range(networks)]
    weights = [*(p for e in encoders for p in e.parameters()), *(a.project_in.weight for a in attentions)]
    membership = torch.randint(-1, 2, (steps, agents))
    slopes = torch.randn(networks, views, steps, agents, 16)
    results = []
    for plan_class in (DensePlan, PackedPlan):
        plan = plan_class(allowed, query_mask)
        mixed = plan.encode_and_attend(inputs, encoders, [a.project_in.weight for a in attentions], heads)
        seen = torch.stack([plan.scatter(part) for part in mixed])
        sums = plan.group_sum(mixed[0], plan.grouping(membership, 2), 2)
        gradients = torch.autograd.grad((seen * slopes).sum() + sums.square().sum(), weights, allow_unused=True)
        results.append([seen, sums, *gradients])
    for dense, packed in zip(*results, strict=True):
        torch.testing.assert_close(packed, dense, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("plan_class", [DensePlan, PackedPlan])
def test_sums_of_groups_leave_out_who_does_not_ask_or_belongs_to_none(plan_class):
    query_mask = torch.tensor([[True, True, False, True]])
    plan = plan_class(torch.ones(1, 1, 4, 4, dtype=torch.bool), query_mask)
    x = torch.tensor([1.0, 2.0, 4.0, 8.0]).view(1, 1, 4, 1)
    sums = plan.group_sum(plan.gather_queries(x), plan.grouping(torch.tensor([[0, 0, 0, -1]]), 2), 2)
    assert sums.flatten().tolist() == [3.0, 0.0]


def test_entities_without_zeros_say_the_same():
    torch.manual_seed(0)
    entities = torch.randn(3, 4, 5) * (torch.rand(3, 4, 5) < 0.5)
    inputs = EntityInputs(entities, torch.tensor([[0, -1], [2, 1], [-1, -1]]), 3)
    start, column, value = inputs.sparse
    dense = torch.zeros(12, 8)
    for row in range(12):
        for place in range(start[row], start[row + 1]):
            dense[row, column[place]] = float(value[place])
    assert torch.equal(inputs.dense.flatten(0, 1), dense)
    assert dense[0, 5:].tolist() == [1, 0, 0] and dense[1, 5:].tolist() == [0, 0, 0]


@given(x=st.lists(st.floats(-100, 0, width=32), min_size=1, max_size=40))
def test_exponentials_are_as_exact_as_they_say(x):
    ours = np.array(x, np.float32)
    exponentials(ours, np.float32(1))
    x = np.array(x, np.float64)
    assert (np.abs(ours - np.exp(x)) <= 2e-7 * (1 - x) * np.exp(x) + 1e-37).all()
