"""Episodes of teams: recorded side by side, laid out as trajectories."""

import numpy as np
import torch

from ding_alma.replay.member_recorder import MemberRecorder
from ding_alma.replay.member_rollout import member_rollout

TEAMS, MEMBERS = 2, 3


def rows(marks, *shape):
    """(n, TEAMS, ...) whose values are the mark, plus 0.5 for the second team."""
    value = torch.tensor(marks, dtype=torch.float32).view(-1, 1, *[1] * len(shape))
    return (value + torch.tensor([0, 0.5]).view(1, TEAMS, *[1] * len(shape))).expand(-1, -1, *shape).clone()


def play(recorder, lengths, version=0):
    """One episode of ``lengths[i]`` steps in every environment i, all at once; returns them."""
    episodes = {}
    running = dict(enumerate(lengths))
    for t in range(max(lengths)):
        ids = np.array([env for env, length in running.items() if t < length])
        marks = [100.0 * env + t for env in ids]
        members = rows(marks, MEMBERS)
        recorder.begin_step(ids, {"entities": rows(marks, 4)}, members.short(), members, -members, version)
        for env in ids.tolist():
            mark = rows([100.0 * env + t], MEMBERS)[0]
            recorder.end_step(env, float(env), mark, torch.zeros(TEAMS, MEMBERS, dtype=torch.bool))
            if t + 1 == lengths[env]:
                final = rows([100.0 * env + t + 1], 4)[0]
                recorder.close(env, {"entities": final}, time_limit=env == 1)
                episodes[env] = recorder.take(env)
    return [episodes[env] for env in sorted(episodes)]


def test_episodes_grow_beyond_the_initial_capacity():
    for first, second in play(MemberRecorder(1, steps=2), [3, 9]), play(MemberRecorder(5, steps=50), [3, 9]):
        assert first["observed"]["entities"][:, 0, 0].tolist() == [0, 1, 2, 3]
        assert second["observed"]["entities"][:, 1, 0].tolist() == [100.5 + t for t in range(10)]
        assert second["steps"]["own_reward"][:, 1, 0].tolist() == [100.5 + t for t in range(9)]
        assert second["team_reward"].tolist() == [1.0] * 9
        assert (first["time_limit"], second["time_limit"]) == (False, True)


def test_the_next_episode_starts_anew_and_a_reset_forgets():
    recorder = MemberRecorder(2)
    play(recorder, [5, 5])
    recorder.begin_step(np.array([0]), {"entities": rows([9.0], 4)}, *[rows([9.0], MEMBERS)] * 3, version=1)
    recorder.end_step(0, 0.0, rows([9.0], MEMBERS)[0], torch.zeros(TEAMS, MEMBERS, dtype=torch.bool))
    recorder.reset(np.array([0, 7]))
    first, second = play(recorder, [2, 3], version=2)
    assert len(first["team_reward"]) == 2 and first["version"] == 2
    assert second["observed"]["entities"][:, 0, 0].tolist() == [100, 101, 102, 103]


def test_trajectories_are_teams_of_episodes_padded_to_the_longest():
    episodes = play(MemberRecorder(2), [2, 4])
    active = [torch.ones(len(e["team_reward"]) + 1, TEAMS, MEMBERS, dtype=torch.bool) for e in episodes]
    rollout = member_rollout(episodes, active)
    assert rollout.steps.valid.T.tolist() == [[True, True, False, False]] * 2 + [[True] * 4] * 2
    assert rollout.steps.episode_over.long().argmax(0).tolist() == [1, 1, 3, 3]
    assert rollout.steps.own_reward[:, 3, 0].tolist() == [100.5, 101.5, 102.5, 103.5]
    assert rollout.observed["entities"][:, 0].tolist() == [0, 1, 0.5, 1.5, *range(100, 104), *np.arange(100.5, 104)]
    assert torch.equal(rollout.rows(rollout.steps.log_prob)[:, 0], rollout.observed["entities"][:, 0])
    assert rollout.team.tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]
    assert rollout.final["entities"][:, 0].tolist() == [2, 2.5, 104, 104.5]


def test_only_episodes_that_were_cut_go_on_in_their_closing_value():
    episodes = play(MemberRecorder(2), [2, 4])
    active = [torch.ones(len(e["team_reward"]) + 1, TEAMS, MEMBERS, dtype=torch.bool) for e in episodes]
    steps = member_rollout(episodes, active).with_final_values(torch.full((4, MEMBERS), 7.0))
    assert steps.episode_over.any(0).tolist() == [True, True, False, False]
    assert steps.value[2, 0].tolist() == [7.0] * 3 and steps.value[4, 2].tolist() == [7.0] * 3
    assert steps.value[3, 2, 0] == -103
