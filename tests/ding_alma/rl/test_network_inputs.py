import numpy as np
import pytest
import torch

from ding_alma.model.one_hot import one_hot
from ding_alma.rl.network_inputs import available_actions, both_exist, same_subtask, subtask_of_entities


@pytest.mark.golden("alma", "masks")
def test_golden_alma_masks(golden):
    exists = torch.from_numpy(golden["in/single_group_mask"] == 0)
    assert np.array_equal(both_exist(exists, exists.shape[-1]), golden["out/single_attn_mask"] == 0)

    membership = golden["in/multi_group_mask"] == 0
    subtask = torch.from_numpy(np.where(membership.any(-1), membership.argmax(-1), -1))
    assert np.array_equal(same_subtask(subtask, subtask.shape[-1]), golden["out/multi_attn_mask"] == 0)

    codes = golden["in/avail_actions"].astype(np.int64)
    tie = np.select([codes >= 1000, codes >= 2], [-2 - (codes - 1000), codes - 2], -1)
    allocs = golden["in/allocs"]
    allocation = torch.from_numpy(np.where(allocs.any(-1), allocs.argmax(-1), -1))
    available = available_actions(torch.from_numpy(codes >= 1), torch.from_numpy(tie), allocation)
    assert np.array_equal(available, golden["out/parsed_avail"] == 1)


def test_agents_take_their_allocation_as_subtask():
    allocation = torch.tensor([[2, -1]])
    entity_subtask = torch.tensor([[-1, -1, 0, 1]])
    assert subtask_of_entities(allocation, entity_subtask).tolist() == [[2, -1, 0, 1]]


def test_an_entity_of_no_subtask_does_not_even_see_itself():
    visible = same_subtask(torch.tensor([-1, 1, 1, -1]), queries=2)
    assert visible.tolist() == [[False] * 4, [False, True, True, False]]


def test_without_ties_every_legal_action_is_available():
    mask = torch.tensor([[[True, False]]])
    assert available_actions(mask, None, torch.tensor([[1]])) is mask


def test_one_hot_of_no_subtask_is_zero():
    assert one_hot(torch.tensor([1, -1]), 2).tolist() == [[0, 1], [0, 0]]
