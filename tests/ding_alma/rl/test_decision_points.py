import pytest
import torch
from allocator_cases import close, episode_batch, index_of, with_prefix

from ding_alma.rl.decision_points import decision_points


@pytest.mark.golden("alma", "decision_points")
def test_golden_alma_decision_points(golden):
    batch = episode_batch(with_prefix(golden, "in/"), agents=int(golden["cfg/n_agents"]))
    points = decision_points(batch, int(golden["cfg/action_length"]), int(golden["cfg/max_bs"]))
    out = with_prefix(golden, "out/")
    close(points.reward, out["reward"].squeeze(-1))
    close(points.terminated, out["terminated"].squeeze(-1))
    close(points.usable, out["mask"].squeeze(-1))
    assert points.collected_at.equal(out["t_added"].squeeze(-1))
    assert points.last_allocation.equal(index_of(out["last_alloc"]))


@pytest.fixture
def batch():
    """One row: the end of an episode (true end at 2, final step 3), then another cut by a time limit at 7."""
    steps = 10
    arrays = {
        "reward": torch.arange(steps, dtype=torch.float32),
        "terminated": torch.zeros(steps),
        "reset": torch.zeros(steps),
        "filled": torch.ones(steps, dtype=torch.int64),
        "hier_decision": torch.zeros(steps),
    }
    arrays["terminated"][2] = 1
    arrays["reset"][[2, 7]] = 1
    arrays["hier_decision"][[1, 4, 6]] = 1
    arrays["reward"][[3, 8]] = 0
    arrays = {key: value.view(1, steps, 1) for key, value in arrays.items()}
    subtask = torch.arange(steps) % 2
    arrays["entity2task_mask"] = 1 - torch.nn.functional.one_hot(subtask, 2).view(1, steps, 1, 2).expand(1, steps, 3, 2)
    arrays["t_added"] = torch.tensor([[70]])
    return episode_batch(arrays, agents=2)


def test_segments_of_a_sequence_over_two_episodes(batch):
    points = decision_points(batch, period=2, limit=10)
    close(points.reward, torch.tensor([(1 + 2 + 0) / 2, (4 + 5) / 2, (6 + 7 + 0 + 9) / 2]))
    assert points.terminated.tolist() == [True, False, False]
    assert points.usable.tolist() == [True, True, False]
    assert points.last_allocation.tolist() == [[0, 0], [-1, -1], [1, 1]]
    assert points.allocation.tolist() == [[1, 1], [0, 0], [0, 0]]


def test_limit_keeps_the_first_points_unchanged(batch):
    every, first = decision_points(batch, 2, 10), decision_points(batch, 2, 2)
    assert first.points == 2
    assert first.usable.tolist() == every.usable[:2].tolist()
    close(first.reward, every.reward[:2])


def test_last_segment_of_a_row_counts_only_if_the_episode_truly_ends(batch):
    batch.last_transition[0, 7] = False
    assert decision_points(batch, 2, 10).usable.tolist() == [True, True, False]
    batch.terminated[0, 7] = batch.last_transition[0, 7] = True
    assert decision_points(batch, 2, 10).usable.tolist() == [True, True, True]


def test_refuses_batches_without_decisions_and_odd_settings(batch):
    with pytest.raises(ValueError, match="must be positive"):
        decision_points(batch, 0, 10)
    batch.decision[:] = False
    with pytest.raises(ValueError, match="no step of the batch is a decision"):
        decision_points(batch, 2, 10)
