"""Files with a checksum: damage is noticed, layout does not matter."""

import json
import math

import pytest

from dizoo_ext.checked_json import CHECKSUM, read_checked_json, with_checksum

DATA = {"seed": 3, "points": [{"step": 100, "solved": 0.1}, {"step": 200, "solved": None}], "sizes": (1, 2), 5: "ä"}
AS_READ = {**{key: value for key, value in DATA.items() if key != 5}, "sizes": [1, 2], "5": "ä"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.json"
    path.write_text(json.dumps(with_checksum(DATA), indent=1), encoding="utf-8")
    return path


def test_what_is_written_is_read_whatever_its_layout(file):
    assert read_checked_json(file) == AS_READ
    file.write_text(json.dumps(json.loads(file.read_text()), sort_keys=True))
    assert read_checked_json(file) == AS_READ


def test_every_flipped_bit_is_noticed_or_changes_nothing(file):
    whole = file.read_bytes()
    noticed = 0
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(damaged)
        try:
            content = read_checked_json(file)
        except ValueError:
            noticed += 1
            continue
        # A bit in the key of the checksum itself leaves all others as they were.
        assert {key: content.get(key) for key in AS_READ} == AS_READ, bit
    assert noticed > 4 * len(whole)


def test_a_file_that_was_edited_says_what_to_do(file):
    content = json.loads(file.read_text())
    content["seed"] = 4
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=f"delete its key '{CHECKSUM}'"):
        read_checked_json(file)
    del content[CHECKSUM]
    file.write_text(json.dumps(content))
    assert read_checked_json(file)["seed"] == 4


def test_what_is_no_object_is_refused(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("[1]")
    with pytest.raises(ValueError, match="must be an object"):
        read_checked_json(path)


def test_a_checksum_is_of_the_values_that_are_read():
    data = {"x": 1.0, "y": math.pi}
    assert with_checksum(with_checksum(data)) == with_checksum(data)
