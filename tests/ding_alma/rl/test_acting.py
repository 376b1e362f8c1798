import pytest
from allocator_cases import recorded_allocator
from golden_acting import replay
from golden_value import networks


@pytest.mark.golden("alma", "acting")
def test_golden_alma_acting(golden):
    replay(golden, networks(golden, "mask"), recorded_allocator(golden))
