"""A damaged file of torch's is noticed, or holds what it held."""

import random

import pytest
import torch

from dizoo_ext.checked_load import load_checked


@pytest.fixture
def saved(tmp_path):
    """A file, its contents and its bytes."""
    generator = torch.Generator().manual_seed(0)
    model = {f"layer{i}.weight": torch.randn(8, 8, generator=generator) for i in range(10)}
    data = {"model": model, "last_iter": 5, "optimiser": [1, {"rate": 0.5, "step": torch.zeros(3)}]}
    path = tmp_path / "ckpt_best.pth.tar"
    torch.save(data, path)
    return path, data, path.read_bytes()


def same(one, other):
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    return one == other


def test_flipped_bits_are_noticed_or_harmless(saved):
    path, data, whole = saved
    directory, rng, noticed = whole.index(b"PK\x01\x02"), random.Random(0), 0
    for number in range(1000):
        damaged = bytearray(whole)
        at = rng.randrange(directory if number % 2 else 0, len(whole))
        damaged[at] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert same(data, load_checked(path)), at
        except ValueError as error:
            noticed += 1
            assert "\n" not in str(error) and str(error)
    assert noticed > 300


def test_every_bit_of_the_weights_counts(saved):
    path, data, whole = saved
    for weight in data["model"].values():
        damaged = bytearray(whole)
        damaged[whole.index(weight.numpy().tobytes()) + 17] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"the checksum of \S+/data/\d+ is wrong"):
            load_checked(path)


def test_a_tensor_that_poses_as_a_folder_is_noticed(saved):
    path, _, whole = saved
    damaged = bytearray(whole)
    entry = whole.index(b"PK\x01\x02", whole.index(b"PK\x01\x02") + 1)
    damaged[entry + 38] |= 0x10
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match="checksum"):
        load_checked(path)


@pytest.mark.parametrize("contents", [b"", b"P", b"PK\x03\x04", b"half a checkpoint", b"\x80\x02"])
def test_what_is_no_file_of_torch_s_is_told_in_a_line(tmp_path, contents):
    path = tmp_path / "ckpt_best.pth.tar"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=r"^\w+(: [^\n]+)?$"):
        load_checked(path)
    for cut in (1, 7):
        torch.save({"model": torch.zeros(9)}, path)
        path.write_bytes(path.read_bytes()[:-cut])
        with pytest.raises(ValueError, match=r"^\w+: [^\n]+$"):
            load_checked(path)


def test_files_of_old_versions_and_missing_ones(tmp_path):
    torch.save({"model": torch.ones(2)}, tmp_path / "old.th", _use_new_zipfile_serialization=False)
    assert load_checked(tmp_path / "old.th")["model"].tolist() == [1.0, 1.0]
    with pytest.raises(FileNotFoundError):
        load_checked(tmp_path / "none.th")


def test_another_file_is_refused_without_advice_to_read_it_all_the_same(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"main": 1}')
    with pytest.raises(ValueError, match=r"^UnpicklingError: no torch file, or one with more than tensors"):
        load_checked(path)
