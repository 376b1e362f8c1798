"""Slots of units under any order of births and deaths."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dizoo_ext.lux.slots import UnitSlots


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 7), max_size=3)), max_size=30))
def test_slots_are_kept_for_life_and_rest_after_it(events):
    slots = UnitSlots(range(2, 8))
    alive, born, held, previous = [], 0, {}, set()
    for births, deaths in events:
        alive = [name for k, name in enumerate(alive) if k not in deaths]
        fresh = [f"unit_{born + k}" for k in range(min(births, slots.free))]
        born += len(fresh)
        alive += fresh
        now = {name: slots.slot(name) for name in alive}
        slots.keep(alive, len(alive))
        assert len(set(now.values())) == len(now) and set(now.values()) <= set(range(2, 8))
        assert all(held.get(name, slot) == slot for name, slot in now.items())
        assert not {now[name] for name in fresh} & previous
        lowest = sorted(set(range(2, 8)) - previous)[: len(fresh)]
        assert [now[name] for name in fresh] == lowest
        assert slots.free == 6 - len(now)
        held |= now
        previous = set(now.values())


def test_more_units_than_slots_are_an_error():
    slots = UnitSlots(range(1))
    slots.slot("unit_0")
    with pytest.raises(RuntimeError, match="max_units"):
        slots.slot("unit_1")
