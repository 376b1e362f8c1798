"""Recorder, episode table and ring buffer."""

import numpy as np
import pytest
import torch
from easydict import EasyDict

from ding_alma.replay.episode import CHOSEN, table_of
from ding_alma.replay.recorder import EpisodeRecorder, recorded_keys
from ding_alma.replay.ring import EpisodeRing
from ding_alma.replay.training_sequences import draw_sequences

AGENTS, ENTITIES, SUBTASKS, ACTIONS, FEATURES = 2, 4, 2, 3, 5


def observation(marks: np.ndarray) -> dict[str, torch.Tensor]:
    """Observations whose features all equal the given marks (n,)."""
    n = len(marks)
    return {
        "entities": torch.tensor(marks, dtype=torch.float32).view(n, 1, 1).expand(n, ENTITIES, FEATURES),
        "entity_mask": torch.ones(n, ENTITIES, dtype=torch.bool),
        "obs_mask": torch.ones(n, AGENTS, ENTITIES, dtype=torch.bool),
        "entity_subtask": torch.tensor([-1, -1, 0, 1]).expand(n, ENTITIES),
        "subtask_mask": torch.ones(n, SUBTASKS, dtype=torch.bool),
        "action_mask": torch.ones(n, AGENTS, ACTIONS, dtype=torch.bool),
    }


def choice(actions: np.ndarray, decision: bool) -> dict[str, torch.Tensor]:
    n = len(actions)
    made = {
        "allocation": torch.tensor([[0, 1]]).expand(n, AGENTS),
        "decision": torch.full((n,), decision),
        "action": torch.tensor(actions).unsqueeze(-1).expand(n, AGENTS),
    }
    assert made.keys() == CHOSEN.keys()
    return made


def record(recorder: EpisodeRecorder, env: int, length: int, mark: float, terminated: bool = True, at: int = 0):
    ids = np.array([env])
    for t in range(length):
        recorder.begin_step(ids, observation(np.array([mark + t])), choice(np.array([t % ACTIONS]), t % 5 == 0), at)
        recorder.end_step(env, float(t), np.full(SUBTASKS, t), np.zeros(SUBTASKS, bool), terminated and t == length - 1)
    recorder.close(env, {key: value[0].numpy() for key, value in observation(np.array([mark + length])).items()})
    return recorder.take(env)


def ring(**config) -> EpisodeRing:
    return EpisodeRing(EasyDict({**EpisodeRing.default_config(), **config}))


def test_a_recorded_episode_has_one_closing_step_without_a_transition():
    episode = record(EpisodeRecorder(recorded_keys(False), 1), 0, 7, 100.0)
    assert episode["length"] == 7 and len(episode["entities"]) == 8
    assert episode["entities"][:, 0, 0].tolist() == [100.0 + t for t in range(8)]
    assert episode["reward"].tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert episode["terminated"].tolist() == [False] * 6 + [True, False]
    assert episode["decision"].tolist() == [True, False, False, False, False, True, False, False]
    assert episode["allocation"][-1].tolist() == [0, 1] and episode["action"][-1].tolist() == [0, 0]


def test_environments_are_recorded_independently_beyond_the_initial_capacity():
    recorder = EpisodeRecorder(recorded_keys(False), environments=1, steps=4)
    both = np.array([0, 3])
    for t in range(10):
        recorder.begin_step(both, observation(np.array([t, 50 + t])), choice(np.array([1, 2]), t == 0), 9)
        for env in both:
            recorder.end_step(env, float(env), np.zeros(SUBTASKS), np.zeros(SUBTASKS, bool), False)
    for env, mark in ((0, 0), (3, 50)):
        recorder.close(env, {key: value[0].numpy() for key, value in observation(np.array([mark + 10.0])).items()})
        episode = recorder.take(env)
        assert episode["entities"][:, 0, 0].tolist() == [float(mark + t) for t in range(11)]
        assert episode["collected_at"] == 9
    second = record(recorder, 3, 2, 7.0)
    assert second["length"] == 2 and second["entities"][:, 0, 0].tolist() == [7.0, 8.0, 9.0]


def test_reset_forgets_an_unfinished_episode():
    recorder = EpisodeRecorder(recorded_keys(False), 1)
    recorder.begin_step(np.array([0]), observation(np.array([1.0])), choice(np.array([0]), True), 0)
    recorder.end_step(0, 1.0, np.zeros(SUBTASKS), np.zeros(SUBTASKS, bool), False)
    recorder.reset(np.array([0, 5]))
    assert record(recorder, 0, 3, 40.0)["entities"][0, 0, 0] == 40.0


def test_rows_that_straddle_episodes_know_where_one_ends():
    recorder = EpisodeRecorder(recorded_keys(False), 1)
    episodes = [record(recorder, 0, 5, 0.0, terminated=True), record(recorder, 0, 6, 100.0, terminated=False)]
    rows = draw_sequences(np.array([6, 7]), 4, np.array([0.99, 0.0]))
    batch = table_of(episodes).batch(np.arange(2), rows)
    # 13 steps end to end; bins [0, 5] and [5, 10], starts 4 and 5.
    assert batch.entities[..., 0, 0].tolist() == [[4, 5, 100, 101], [5, 100, 101, 102]]
    assert batch.valid.tolist() == [[True, False, True, True], [False, True, True, True]]
    assert batch.last_transition.tolist() == [[True, False, False, False], [False] * 4]
    assert batch.terminated.tolist() == [[True, False, False, False], [False] * 4]
    assert batch.last_action[..., 0].tolist() == [[0, 1, -1, 0], [1, -1, 0, 1]]
    assert batch.collected_at.tolist() == [0, 0]


def test_the_ring_overwrites_the_oldest_and_samples_without_replacement():
    buffer = ring(replay_buffer_size=4, sequence_length=20)
    recorder = EpisodeRecorder(recorded_keys(False), 1)
    assert buffer.sample(1, 0) is None
    for i in range(6):
        buffer.push([record(recorder, 0, 2 + i, 100.0 * i)])
    assert buffer.count() == 4
    first = buffer.sample(4, 0).batch.entities[:, 0, 0, 0]
    assert sorted(first.tolist()) == [200.0, 300.0, 400.0, 500.0]


def test_recent_batches_hold_recent_episodes_only():
    buffer = ring(sequence_length=20, recent_steps=10)
    recorder = EpisodeRecorder(recorded_keys(False), 1)
    for at, mark in ((0, 0.0), (4, 100.0), (8, 200.0), (12, 300.0)):
        buffer.push([record(recorder, 0, 4, mark, at=at)])
    data = buffer.sample(2, 0)
    assert data.env_step == 16
    assert sorted(data.recent.entities[:, 0, 0, 0].tolist()) == [200.0, 300.0]
    assert data.recent.collected_at.tolist() in ([8, 12], [12, 8])
    assert buffer.sample(3, 0).recent is None


def test_a_saved_ring_continues_identically(tmp_path):
    buffer = ring(replay_buffer_size=3, sequence_length=4, recent_steps=100)
    recorder = EpisodeRecorder(recorded_keys(False), 1)
    for i in range(5):
        buffer.push([record(recorder, 0, 5, 10.0 * i, at=5 * i)])
    buffer.save_data(str(tmp_path / "ring.pth"))
    other = ring(replay_buffer_size=3, sequence_length=4, recent_steps=100)
    other.load_data(str(tmp_path / "ring.pth"))
    for _ in range(3):
        left, right = buffer.sample(2, 0), other.sample(2, 0)
        assert left.env_step == right.env_step
        assert torch.equal(left.batch.entities, right.batch.entities)
        assert torch.equal(left.recent.last_action, right.recent.last_action)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"sequence_lenght": 3}, "sequence_lenght.*sequence_length"),
        ({"sequence_length": 1}, "sequence_length must lie in"),
        ({"replay_buffer_size": 0}, "replay_buffer_size must lie in"),
    ],
)
def test_impossible_configs_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        ring(**config)


def test_an_episode_of_the_wrong_length_is_refused():
    episode = record(EpisodeRecorder(recorded_keys(False), 1), 0, 3, 0.0)
    episode["length"] = 4
    with pytest.raises(ValueError, match="must store 5 steps"):
        ring().push([episode])


def test_samples_of_other_policies_come_back_as_a_list():
    buffer = ring(replay_buffer_size=3)
    buffer.push([{"chunk": i} for i in range(5)])
    assert sorted(sample["chunk"] for sample in buffer.sample(3, 0)) == [2, 3, 4]


def test_a_consuming_ring_hands_out_everything_once():
    buffer = ring(consume=True, replay_buffer_size=3)
    recorder = EpisodeRecorder(recorded_keys(False), 1)
    assert buffer.sample(1, 0) is None
    for count in (3, 2):
        episodes = [record(recorder, 0, 2 + i, 100.0 * i) for i in range(count)]
        buffer.push(episodes)
        # Whatever the batch size says.
        handed_out = buffer.sample(32, 0)
        assert len(handed_out) == count
        assert all(theirs is ours for theirs, ours in zip(handed_out, episodes, strict=True))
        assert buffer.count() == 0 and buffer.sample(1, 0) is None


def test_a_consuming_ring_never_overwrites():
    buffer = ring(consume=True, replay_buffer_size=2)
    recorder = EpisodeRecorder(recorded_keys(False), 1)
    buffer.push(record(recorder, 0, 2, 0.0))
    with pytest.raises(ValueError, match="replay_buffer_size = 2 cannot hold the 3"):
        buffer.push([record(recorder, 0, 2, 1.0), record(recorder, 0, 2, 2.0)])
    assert buffer.count() == 1
