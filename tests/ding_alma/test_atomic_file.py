import json
import os
import stat

import numpy as np
import pytest
import torch
from full_disk import files_up_to

from ding_alma.atomic_file import save_atomically, write_json_atomically
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


@pytest.mark.parametrize("size", [0, 10, 5_000, 300_000, 600_000])
def test_a_disk_that_fills_in_the_middle_of_a_checkpoint_is_told_with_its_name(tmp_path, size):
    path = tmp_path / "ckpt_last.pth.tar"
    path.write_bytes(b"the one before")
    with (
        files_up_to(size),
        pytest.raises(OSError, match=f"cannot write {path}: File too large; make room for it and resume the run"),
    ):
        save_atomically({"one": torch.zeros(1000, 100), "other": torch.zeros(1000, 100)}, path)
    assert path.read_bytes() == b"the one before" and [*tmp_path.iterdir()] == [path]


def test_other_errors_of_torch_stay_as_they_are(tmp_path, monkeypatch):
    def fail(data, file):
        file.write(b"half")
        raise RuntimeError("torch's own")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(RuntimeError, match="torch's own"):
        save_atomically({}, tmp_path / "ckpt_last.pth.tar")
    assert [*tmp_path.iterdir()] == []
