"""Episodes on disk: what a checkpoint refers to is there whatever happened after it."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ding_alma.replay.journal import EpisodeJournal, Layout


def episode(number):
    """One that tells its number, of a length that varies."""
    length = 1 + number % 3
    return {
        "value": torch.full((length + 1, 2), float(number)),
        "mask": torch.arange(length + 1).unsqueeze(1) % 2 == number % 2,
        "length": length,
        "collected_at": 10 * number,
    }


def assert_holds(journal, place, numbers, lost=()):
    """The journal gives back these episodes, and a line that matches for each file that is lost."""
    said = []
    episodes = list(journal.restore(place, said.append))
    assert len(said) == len(lost), said
    assert all(re.search(pattern, line) and "\n" not in line for pattern, line in zip(lost, said, strict=True)), said
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
    journal, total, place = EpisodeJournal(folder, capacity), 0, {"episodes": 0, "file": 0, "bytes": 0}
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


def written(folder, episodes=45, capacity=40):
    """The place behind so many episodes, five to a file."""
    journal = EpisodeJournal(folder, capacity)
    for number in range(episodes):
        journal.append(episode(number))
    return journal.commit()


def path_of(folder, first):
    return folder / f"{first:012d}.episodes"


def test_a_place_that_the_files_do_not_reach_is_told(tmp_path):
    place = written(tmp_path, 3, 4)
    none = {"episodes": 9, "file": 8, "bytes": 10}
    assert_holds(EpisodeJournal(tmp_path / "none", 4), none, [], [r"none is missing or cut short, episodes 5 to 8"])
    further = {**place, "bytes": place["bytes"] + 1}
    assert_holds(EpisodeJournal(tmp_path, 4), further, [0, 1], [f"the checkpoint knows of {place['bytes'] + 1}"])
    nearer = {**place, "bytes": place["bytes"] - 1}
    assert_holds(EpisodeJournal(tmp_path, 4), nearer, [0, 1], ["does not end with a whole episode"])
    # As in checkpoints of before: no file is the newest.
    del place["file"]
    assert_holds(EpisodeJournal(tmp_path, 4), place, [0, 1, 2])


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


DAMAGES = {
    "deleted": (Path.unlink, r"000000000020\.episodes is missing or cut short, episodes 20 to 24 are lost"),
    "empty": (lambda path: path.write_bytes(b""), r"000000000020\.episodes is damaged, its episodes 20 to 24 are lost"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-9]), r"20\.episodes is damaged.* whole episode"),
    "in a key": (lambda path: flip(path, path.read_bytes().index(b"value")), r"20\.episodes is damaged.*checksum"),
    "no letter": (
        lambda path: path.write_bytes(path.read_bytes().replace(b"value", b"val\xffe")),
        r"20\.episodes is damaged.*first line",
    ),
    "in the type": (lambda path: flip(path, path.read_bytes().index(b"<f4") + 1), r"20\.episodes is damaged.*first"),
    "in a length": (lambda path: flip(path, path.read_bytes().index(b"\n") + 1), r"20\.episodes is damaged"),
    "in an array": (lambda path: flip(path, -1), r"20\.episodes is damaged.*checksum of its episode 4"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_costs_itself(tmp_path, kind):
    place = written(tmp_path)
    damage, line = DAMAGES[kind]
    damage(path_of(tmp_path, 20))
    kept = [*range(5, 20), *range(25, 45)]
    journal = EpisodeJournal(tmp_path, 40)
    assert_holds(journal, place, kept, [line])
    # The run goes on, and is broken off again.
    for number in range(45, 52):
        journal.append(episode(number))
    place = journal.commit()
    journal.forget()
    assert_holds(EpisodeJournal(tmp_path, 40), place, [*range(12, 20), *range(25, 52)], [line])


@pytest.mark.parametrize("kind", DAMAGES)
def test_after_the_newest_file_is_damaged_another_one_begins(tmp_path, kind):
    place = written(tmp_path, 24)
    damage, line = DAMAGES[kind]
    damage(path_of(tmp_path, 20))
    line = re.sub("to 24", "to 23", line).replace("episode 4", "episode 3")
    if kind in ("cut", "empty"):
        line = "the checkpoint knows of|cannot mmap"
    journal = EpisodeJournal(tmp_path, 40)
    assert_holds(journal, place, range(20), [line])
    for number in range(24, 31):
        journal.append(episode(number))
    place = journal.commit()
    assert_holds(EpisodeJournal(tmp_path, 40), place, [*range(20), *range(24, 31)], ["20.episodes"])


def test_random_flips_lose_their_file_or_nothing(tmp_path):
    place = written(tmp_path)
    rng = np.random.default_rng(0)
    for _ in range(200):
        first = 5 * int(rng.integers(1, 9))
        path = path_of(tmp_path, first)
        whole = path.read_bytes()
        flip(path, int(rng.integers(len(whole))))
        kept = [number for number in range(5, 45) if not first <= number < first + 5]
        assert_holds(EpisodeJournal(tmp_path, 40), place, kept, [f"{path.name} is damaged"])
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"5",
        b'{"format": 1}',
        b'{"format": 2, "fields": [["value", "O", [2]]]}',
        b'{"format": 2, "fields": [["value", "<f4", [-2]]]}',
        b'{"format": 2, "fields": [["value", "<f4", ["2"]]]}',
        b'{"format": 2, "fields": [["value", "nonsense", [2]]]}',
        b'{"format": 2, "fields": 3}',
    ],
)
def test_a_first_line_of_other_things_is_refused(line):
    with pytest.raises(ValueError, match="first line"):
        Layout.parse(line)


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
    (back,) = EpisodeJournal(tmp_path, 4).restore(journal.commit(), pytest.fail)
    assert {key: value.dtype for key, value in back.items() if key in stored} == dict(zip(stored, types, strict=True))
    assert np.all(back["torch.int8"].numpy() == 1)
