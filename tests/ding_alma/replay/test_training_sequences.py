"""Which stored steps make up a training batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ding_alma.replay.training_sequences import bin_edges, cut_sequences, draw_sequences


@pytest.mark.golden("alma", "windows")
def test_golden_alma_windows(golden):
    lengths, length, rows = golden["in/lengths"], int(golden["cfg/max_traj_len"]), int(golden["cfg/batch_size"])
    edges = bin_edges(int(lengths.sum()), length, rows)
    np.testing.assert_array_equal(edges, golden["in/bin_edges"])
    starts = golden["in/starts"]
    assert ((edges[:-1] <= starts) & (starts <= edges[1:])).all()
    cut = cut_sequences(lengths, length, starts)
    for key in ("reward", "reset", "terminated", "hier_decision", "filled", "actions"):
        np.testing.assert_array_equal(golden[f"in/{key}"][cut.episode, cut.step], golden[f"out/{key}"])


@given(
    lengths=st.lists(st.integers(2, 40), min_size=1, max_size=8),
    length=st.integers(2, 30),
    seed=st.integers(0, 2**32 - 1),
)
def test_rows_are_consecutive_stored_steps_in_their_bins(lengths, length, seed):
    stored = np.array(lengths)
    rows = draw_sequences(stored, length, np.random.default_rng(seed).random(len(stored)))
    assert rows.step.shape == rows.filled.shape == rows.episode.shape
    assert (rows.step >= 0).all() and (rows.step < stored[rows.episode]).all()
    if stored.max() <= length:
        assert rows.filled.sum() == stored.sum()
        assert rows.step.shape[1] == stored.max()
        return
    assert rows.step.shape == (len(stored), length) and rows.filled.all()
    place = (np.cumsum(stored) - stored)[rows.episode] + rows.step
    assert (np.diff(place, axis=1) == 1).all()
    edges = bin_edges(int(stored.sum()), length, len(stored))
    assert (place[:, 0] >= edges[:-1]).all() and (place[:, 0] <= edges[1:]).all()
