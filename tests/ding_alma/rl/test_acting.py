import pytest
from golden_acting import allocator_of, replay
from golden_low_level import networks


@pytest.mark.golden("alma", "acting")
def test_golden_alma_acting(golden):
    replay(golden, networks(golden, "mask"), allocator_of(golden))
