"""The compiled random stream is numpy's legacy one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from dizoo_ext.mersenne import draw_below, draw_uniform
from dizoo_ext.save_the_city.city import CITY


@njit
def draw(cities, bounds, drawn):
    for k in range(len(bounds)):
        drawn[k] = draw_below(cities[0], bounds[k]) if bounds[k] else draw_uniform(cities[0])


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    bounds=st.lists(st.one_of(st.integers(0, 40), st.integers(1, 2**31)), min_size=1, max_size=700),
)
def test_draws_equal_numpys_legacy_stream(seed, bounds):
    numpys = np.random.RandomState(seed)
    cities = np.zeros(1, CITY)
    _, cities["words"][0], cities["position"][0], *_ = numpys.get_state()
    drawn = np.empty(len(bounds))
    draw(cities, np.array(bounds, np.int64), drawn)
    expected = [numpys.randint(bound) if bound else numpys.random_sample() for bound in bounds]
    assert drawn.tolist() == expected
    _, words, position, *_ = numpys.get_state()
    np.testing.assert_array_equal(cities["words"][0], words)
    assert cities["position"][0] == position
