"""Tensors that travel together arrive as they were."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pretended_gpu import PretendedGpu

from ding_alma.rl.transfer import to_device, to_host

TYPES = (torch.bool, torch.uint8, torch.int16, torch.int64, torch.float16, torch.float32, torch.float64)
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(TYPES), SHAPES, st.booleans()), min_size=1, max_size=6))
def test_they_come_back_unchanged_and_in_order(parts):
    sent = {}
    for number, (dtype, shape, is_transposed) in enumerate(parts):
        value = torch.randint(0, 2, shape).to(dtype)
        sent[number] = value.T if is_transposed and value.dim() == 2 else value
    with PretendedGpu() as gpu:
        there = to_device(sent, "cuda")
        assert not gpu.waits
        assert all(value.is_cuda for value in there.values())
        back = to_host(there)
        assert gpu.waits.total() == 1
    assert list(back) == list(there) == list(sent)
    for key, value in sent.items():
        assert back[key].dtype == value.dtype
        assert torch.equal(back[key], value)


def test_on_a_host_nothing_is_copied():
    sent = {"x": torch.ones(2)}
    assert to_device(sent, "cpu")["x"] is sent["x"]
    assert to_host(sent)["x"] is sent["x"]


def test_tensors_of_both_devices_are_refused():
    with PretendedGpu(), pytest.raises(RuntimeError, match="same device"):
        to_host({"here": torch.ones(1), "there": torch.ones(1, device="cuda")})
