"""Episodes on disk: what a checkpoint refers to is there whatever happened after it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_alma.replay.journal import EpisodeJournal


def episode(number):
    """One that tells its number, of a length that varies."""
    length = 1 + number % 3
    return {
        "value": torch.full((length + 1, 2), float(number)),
        "mask": torch.arange(length + 1).unsqueeze(1) % 2 == number % 2,
        "length": length,
        "collected_at": 10 * number,
    }


def assert_holds(journal, place, numbers):
    episodes = list(journal.restore(place))
    assert [each["collected_at"] // 10 for each in episodes] == list(numbers)
    for each, number in zip(episodes, numbers, strict=True):
        expected = episode(number)
        assert each.keys() == expected.keys()
        assert all(torch.equal(torch.as_tensor(each[key]), torch.as_tensor(expected[key])) for key in expected)
        assert all(each[key].dtype == expected[key].dtype for key in ("value", "mask"))


@settings(deadline=None, max_examples=30)
@given(
    capacity=st.integers(1, 20),
    counts=st.lists(st.integers(0, 12), min_size=1, max_size=6),
    lost=st.integers(0, 9),
    torn=st.integers(0, 40),
)
def test_any_checkpoint_is_found_again_after_any_death(tmp_path_factory, capacity, counts, lost, torn):
    """Saved after every group of episodes; then ``lost`` more, and a torn last one; twice over."""
    folder = tmp_path_factory.mktemp("run")
    journal, total, place = EpisodeJournal(folder, capacity), 0, {"episodes": 0, "bytes": 0}
    for count in counts:
        for _ in range(count):
            journal.append(episode(total))
            total += 1
        place = journal.commit()
        journal.forget()
        for number in range(lost):
            journal.append(episode(1000 + number))
        if journal._file is not None:
            journal._file.flush()
        for file in sorted(folder.iterdir())[-1:] if lost else []:
            with open(file, "r+b") as end:
                size = end.seek(0, 2)
                end.truncate(max(size - torn, place["bytes"]))
        journal = EpisodeJournal(folder, capacity)
        assert_holds(journal, place, range(max(total - capacity, 0), total))
    assert len([*folder.iterdir()]) <= 2 + capacity // max(capacity // 8, 1)


def test_a_new_journal_clears_what_nobody_restored(tmp_path):
    old = EpisodeJournal(tmp_path, 4)
    for number in range(3):
        old.append(episode(number))
    old.commit()
    new = EpisodeJournal(tmp_path, 4)
    new.append(episode(7))
    assert_holds(EpisodeJournal(tmp_path, 4), new.commit(), [7])


def test_missing_and_damaged_files_are_told(tmp_path):
    journal = EpisodeJournal(tmp_path, 4)
    for number in range(3):
        journal.append(episode(number))
    place = journal.commit()
    with pytest.raises(ValueError, match="does not hold episodes 5 to 8"):
        list(EpisodeJournal(tmp_path / "none", 4).restore({"episodes": 9, "bytes": 10}))
    with pytest.raises(ValueError, match=f"the checkpoint knows of {place['bytes'] + 1}"):
        list(EpisodeJournal(tmp_path, 4).restore({**place, "bytes": place["bytes"] + 1}))
    with pytest.raises(ValueError, match="does not end with a whole episode"):
        list(EpisodeJournal(tmp_path, 4).restore({**place, "bytes": place["bytes"] - 1}))


def test_a_full_disk_is_named_with_what_to_do(tmp_path, monkeypatch):
    journal = EpisodeJournal(tmp_path, 4)
    journal.append(episode(0))

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*000000000000.episodes: No space left.*resume the run"):
        journal.commit()


def test_numpy_s_types_are_those_of_torch(tmp_path):
    journal = EpisodeJournal(tmp_path, 4)
    types = [torch.float32, torch.bool, torch.int8, torch.int16, torch.int64]
    stored = {str(dtype): torch.ones(3, 2, 2).to(dtype) for dtype in types}
    journal.append({**stored, "length": 2, "collected_at": 0})
    (back,) = EpisodeJournal(tmp_path, 4).restore(journal.commit())
    assert {key: value.dtype for key, value in back.items() if key in stored} == dict(zip(stored, types, strict=True))
    assert np.all(back["torch.int8"].numpy() == 1)
