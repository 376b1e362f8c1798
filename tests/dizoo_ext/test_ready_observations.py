"""Observations of environments that came in different batches."""

import numpy as np

from dizoo_ext.ready_observations import ReadyObservations


def shown(*values):
    return {"x": np.array(values, np.float32)[:, None], "y": np.array(values, np.int64)}


def test_environments_are_handed_out_singly_and_in_batches():
    ready = ReadyObservations()
    first, second = shown(0, 1, 2, 3), shown(10, 30)
    ready.put(range(4), first)
    assert ready.batch(range(4), ["x"])["x"] is first["x"], "a whole batch was copied"
    assert ready[2] is ready[2]
    assert (ready[2]["x"].item(), ready[2]["y"]) == (2, 2)
    ready.put([1, 3], second)
    assert ready[1]["y"] == 10
    assert ready[3]["y"] == 30
    assert ready.batch([0, 2], ["x", "y", "absent"]).keys() == {"x", "y"}
    assert ready.batch([0, 2], ["y"])["y"].tolist() == [0, 2]
    assert ready.batch([3, 1], ["y"])["y"].tolist() == [30, 10]
    assert ready.batch([3, 2, 1], ["x"])["x"].tolist() == [[30], [2], [10]]
