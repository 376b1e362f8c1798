import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_alma.model.attention import EntityAttention
from ding_alma.model.attention_plan import DensePlan, PackedPlan, plan_attention
from ding_alma.model.packing import GRAIN


def _case(seed, views, steps, agents, entities, density):
    generator = torch.Generator().manual_seed(seed)
    allowed = torch.rand(views, steps, agents, entities, generator=generator) < density
    query_mask = torch.rand(steps, agents, generator=generator) < 0.7
    return allowed, query_mask, torch.randn(steps, entities, 16, generator=generator)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    views=st.integers(1, 3),
    steps=st.integers(1, 6),
    agents=st.integers(1, 4),
    others=st.integers(0, 4),
    density=st.sampled_from([0.0, 0.2, 0.7, 1.0]),
    heads=st.sampled_from([1, 2, 4]),
)
def test_packed_and_dense_plans_agree_in_values_and_gradients(seed, views, steps, agents, others, density, heads):
    allowed, query_mask, x = _case(seed, views, steps, agents, agents + others, density)
    attention = EntityAttention(16, heads)
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
    assert len(rows) == 2 * GRAIN
    assert rows[0] == 0.0 and rows[GRAIN] == 3.0 and set(rows.tolist()) == {0.0, 3.0}


def test_queries_of_a_dense_tensor_follow_the_order_of_the_plan():
    allowed, query_mask, _ = _case(3, 2, 5, 3, 4, 0.5)
    plan = PackedPlan(allowed, query_mask)
    x = torch.randn(2, 5, 3, 6)
    torch.testing.assert_close(plan.scatter(plan.gather_queries(x)), x * query_mask.unsqueeze(-1))
