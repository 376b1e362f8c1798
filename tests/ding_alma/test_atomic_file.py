import json
import os
import stat

import numpy as np
import pytest

from ding_alma.atomic_file import write_json_atomically
from ding_alma.run.plain_values import plain_values


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "new" / "file.json"
    write_json_atomically({"a": 1}, path)
    with pytest.raises(TypeError):
        write_json_atomically({"a": 2, "b": object()}, path)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_json_atomically([], tmp_path / "ours.json")
    (tmp_path / "any").touch()
    ours, any_file = (stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("ours.json", "any"))
    assert ours == any_file


def test_plain_values():
    values = plain_values({"a": (1, np.float64(0.5)), "b": {"c": [None, True, "x"]}, "d": np.int64(3)})
    assert values == {"a": [1, 0.5], "b": {"c": [None, True, "x"]}, "d": 3}
    assert type(values["a"][1]) is float and type(values["d"]) is int


def test_other_values_are_refused_with_their_place():
    with pytest.raises(TypeError, match=r"config\.a\[1\]\.b"):
        plain_values({"a": [0, {"b": object()}]})
