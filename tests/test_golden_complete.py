"""No golden file goes unread: an area that is missing, empty or holds an unknown file fails."""

import pytest
from golden_patterns import GOLDEN_PATTERNS


@pytest.mark.parametrize("area", GOLDEN_PATTERNS)
def test_golden_every_file_of_the_area_is_replayed(area, request):
    folder = request.config.getoption("--golden-dir") / area
    files = {path for path in folder.glob("*") if path.suffix in {".npz", ".json", ".gz"}}
    assert files, f"no golden data in {folder}"
    claimed = {path for pattern in GOLDEN_PATTERNS[area].values() for path in folder.glob(pattern)}
    assert files == claimed
