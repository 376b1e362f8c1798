import re

import pytest
from easydict import EasyDict

from dizoo_ext.strict_config import check_block, check_choice, check_range

DEFAULTS = {
    "rate": 0.5,
    "steps": 3,
    "on": True,
    "name": "a",
    "sizes": [1, 2],
    "anything": None,
    "block": {"depth": 1, "inner": {"width": 2}},
    "free": {},
}


@pytest.mark.parametrize(
    "block",
    [
        {},
        {"rate": 1, "steps": 4, "on": False, "name": "b", "sizes": (3,)},
        {"anything": "x"},
        {"anything": {"y": 1}},
        {"block": {"inner": {"width": 5}}},
        {"free": {"whatever": {"deep": 1}}},
        EasyDict(sizes=[], block=dict(depth=2)),
        {"manager": {"type": "base"}},
    ],
)
def test_valid_blocks_pass(block):
    check_block(block, DEFAULTS, "env", also_known={"manager"})


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"stepz": 4}, "unknown config key env.stepz; did you mean env.steps?"),
        ({"block": {"dept": 4}}, "unknown config key env.block.dept; did you mean env.block.depth?"),
        ({"block": {"inner": {"widht": 4}}}, "did you mean env.block.inner.width?"),
        ({"manger": {}}, "did you mean env.manager?"),
        ({"qqqqqq": 4}, "valid keys: anything, block, free, name, on, rate, sizes, steps"),
    ],
)
def test_unknown_keys_are_refused_with_the_nearest_name(block, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_block(block, DEFAULTS, "env", also_known={"manager"})


@pytest.mark.parametrize(
    "block",
    [
        {"steps": 1.5},
        {"steps": True},
        {"rate": True},
        {"rate": "0.5"},
        {"rate": None},
        {"on": 1},
        {"name": 3},
        {"sizes": 3},
        {"sizes": "12"},
        {"block": 3},
        {"block": {"inner": 2}},
        {"free": 3},
    ],
)
def test_values_of_another_type_are_refused_with_their_place(block):
    key = next(iter(block))
    with pytest.raises(TypeError, match=rf"^env\.{key}"):
        check_block(block, DEFAULTS, "env")


def test_choice_names_the_nearest():
    check_choice("both", ("both", "flat"), "env.observation")
    with pytest.raises(ValueError, match=r"env.observation must be one of \['both', 'flat'\], got 'flta'.*'flat'\?"):
        check_choice("flta", ("both", "flat"), "env.observation")
    with pytest.raises(ValueError, match=r"got 7$"):
        check_choice(7, ("both", "flat"), "env.observation")


@pytest.mark.parametrize(
    ("value", "bounds", "is_valid"),
    [
        (1, (1, 2), True),
        (2, (1, 2), True),
        (0.999, (1, 2), False),
        (2.001, (1, 2), False),
        (-1e9, (None, 2), True),
        (3, (None, 2), False),
        (1e9, (1, None), True),
        (0, (1, None), False),
        (float("nan"), (0, 1), False),
    ],
)
def test_range_includes_its_bounds(value, bounds, is_valid):
    if is_valid:
        check_range(value, "env.rate", *bounds)
        return
    with pytest.raises(ValueError, match=r"env\.rate must lie in \["):
        check_range(value, "env.rate", *bounds)
