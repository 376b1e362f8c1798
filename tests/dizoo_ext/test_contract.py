from dataclasses import replace

import numpy as np
import pytest

from dizoo_ext.contract import ENTITY_KEYS, FLAT_KEYS, EntitySpec

SPEC = EntitySpec(agents=3, entities=5, subtasks=2, actions=4, features=7, episode_limit=10)


def test_flat_sizes_count_own_row_all_rows_previous_action_and_name():
    assert SPEC.agent_state_size == 7 + 5 * 7 + 4 + 3
    assert SPEC.global_state_size == 5 * 7


@pytest.mark.parametrize(
    ("observation", "keys"),
    [
        ("both", {*ENTITY_KEYS, *FLAT_KEYS}),
        ("entities", set(ENTITY_KEYS)),
        ("flat", {"action_mask", *FLAT_KEYS}),
    ],
)
def test_observation_choice_decides_the_keys_of_the_space(observation, keys):
    assert set(SPEC.observation_keys(observation)) == keys
    assert set(SPEC.observation_space(observation).keys()) == keys


def test_groups_come_only_from_environments_that_know_them():
    spec = replace(SPEC, has_groups=True)
    assert set(spec.observation_keys("both")) == {*ENTITY_KEYS, "groups", *FLAT_KEYS}
    assert set(spec.observation_keys("entities")) == {*ENTITY_KEYS, "groups"}
    assert "groups" not in spec.observation_keys("flat")
    box = spec.observation_space()["groups"]
    assert (box.shape, box.dtype) == ((5,), np.int64)


def test_unknown_observation_choice_is_refused():
    with pytest.raises(ValueError, match="observation must be one of"):
        SPEC.observation_keys("entity")


def test_shapes_follow_the_table():
    shapes = {key: box.shape for key, box in SPEC.observation_space().spaces.items()}
    assert shapes == {
        "entities": (5, 7),
        "entity_mask": (5,),
        "obs_mask": (3, 5),
        "entity_subtask": (5,),
        "subtask_mask": (2,),
        "action_mask": (3, 4),
        "action_subtask": (3, 4),
        "heuristic_allocation": (3,),
        "agent_state": (3, 49),
        "global_state": (35,),
    }


def test_dtypes_are_those_that_all_workers_accept():
    dtypes = {key: box.dtype for key, box in SPEC.observation_space().spaces.items()}
    assert dtypes["action_mask"] == np.float32, "DI-engine's own policies compute 1 - mask"
    assert all(dtypes[key] == np.bool_ for key in ("entity_mask", "obs_mask", "subtask_mask"))
    assert all(dtypes[key] == np.int64 for key in ("entity_subtask", "action_subtask", "heuristic_allocation"))
    assert all(dtypes[key] == np.float32 for key in ("entities", *FLAT_KEYS))


@pytest.mark.parametrize(
    ("key", "lowest", "highest"),
    [("entity_subtask", -1, 1), ("action_subtask", -4, 1), ("heuristic_allocation", -1, 1)],
)
def test_subtask_numbers_are_bounded(key, lowest, highest):
    box = SPEC.observation_space()[key]
    inside = np.full(box.shape, lowest)
    inside.flat[0] = highest
    assert box.contains(inside)
    assert not box.contains(inside - 1)
    assert not box.contains(np.full(box.shape, highest + 1))


def test_actions_are_one_choice_per_agent():
    assert SPEC.action_space().nvec.tolist() == [4, 4, 4]
