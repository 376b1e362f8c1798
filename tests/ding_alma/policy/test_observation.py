"""Observations of several environments in one batch, and what is wrong with one of them."""

import numpy as np
import pytest
import torch

from ding_alma.policy.observation import stack_observations


def planes(value, kind=np.float16):
    return {"planes": np.full((2, 30, 48, 48), value, kind)}


def test_large_sums_of_small_floats_are_not_taken_for_infinities():
    ids, stacked = stack_observations({7: planes(1.0), 3: planes(2.0)}, ["planes"])
    assert ids.tolist() == [3, 7]
    assert stacked["planes"].dtype == torch.float16
    assert stacked["planes"][:, 0, 0, 0, 0].tolist() == [2.0, 1.0]


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_the_environment_with_a_value_that_is_not_finite_is_named(bad, kind):
    spoilt = planes(1.0, kind)
    spoilt["planes"][1, 3, 4, 5] = bad
    with pytest.raises(ValueError, match=r"observation 'planes' of environment \[5\] holds values that are not finite"):
        stack_observations({2: planes(1.0, kind), 5: spoilt}, ["planes"])


def test_a_missing_key_is_named_with_the_option_that_brings_it():
    with pytest.raises(KeyError, match=r"set env\.observation to 'both' or 'entities'"):
        stack_observations({0: planes(0.0)}, ["entities"])
