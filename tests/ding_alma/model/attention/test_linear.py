import time

import pytest
import torch
import torch.nn.functional as F

from ding_alma.model.attention.linear import linear, linear_relu


@pytest.mark.parametrize("rows", [0, 1, 50])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("ours, reference", [(linear, F.linear), (linear_relu, lambda *a: F.relu(F.linear(*a)))])
def test_values_and_gradients_are_those_of_an_ordinary_linear_map(rows, with_bias, ours, reference):
    torch.manual_seed(0)
    leaves = [torch.randn(rows, 7), torch.randn(5, 7), torch.randn(5) if with_bias else None]
    results = []
    for function in (ours, reference):
        inputs = [None if leaf is None else leaf.clone().requires_grad_() for leaf in leaves]
        out = function(*inputs)
        (out * torch.linspace(-1, 1, 5)).square().sum().backward()
        results.append([out.detach(), *(leaf.grad for leaf in inputs if leaf is not None)])
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_strided_inputs():
    x, weight = torch.randn(4, 6, 9)[:, 2, 1:8], torch.randn(7, 5).T
    torch.testing.assert_close(linear(x, weight), x @ weight.T, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "layout",
    [lambda w: w[:, :128], lambda w: w[:128, :128].T, lambda w: w.T[:128, :128], lambda w: w[::2, :128]],
    ids=["columns", "transposed columns", "rows of a transpose", "every second row"],
)
def test_no_layout_of_the_weight_is_pathologically_slow(layout):
    x, weight = torch.randn(2000, 128), layout(torch.randn(256, 256))
    start = time.process_time()
    out = linear(x, weight)
    assert time.process_time() - start < 1
    torch.testing.assert_close(out, x @ weight.T, atol=1e-4, rtol=1e-4)


def test_frozen_inputs_get_no_gradient():
    x, weight = torch.randn(3, 2), torch.randn(4, 2, requires_grad=True)
    linear(x, weight).sum().backward()
    assert x.grad is None and weight.grad is not None
