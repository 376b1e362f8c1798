"""Effects of actions, fires and collisions, against the numbers of docs/reference/save_the_city.md#fire-and-health."""

import itertools
import math

import numpy as np
import pytest
from city_stage import act, stage

from dizoo_ext.save_the_city.city import BUILD, FAST, FIRE, FREEZE, SLOW, STAY

NORTH, EAST, SOUTH, WEST = 1, 2, 3, 4
JUMP_EAST = 6


@pytest.mark.parametrize(
    ("team", "reduction"),
    [("F", 0.25), ("B", 0.0125), ("BG", 0.125), ("FG", 0.25), ("BFG", 0.375), ("BB", 0.025), ("BBGG", 0.1375)],
)
def test_fire_shrinks_by_the_acting_types(team, reduction):
    env = stage(team, fire=0.8)
    act(env, *[FIRE] * len(team))
    assert env.cities["fire"][0, 0] == pytest.approx(0.8 - reduction)


@pytest.mark.parametrize(("acting", "expected"), [(FIRE, 0.55), (STAY, 0.55), (FREEZE, 0.55)])
def test_a_generalist_alone_does_not_stop_the_fire_from_growing(acting, expected):
    env = stage("G", fire=0.5)
    act(env, acting)
    assert env.cities["fire"][0, 0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("team", "gain"),
    [("F", 0.00625), ("B", 0.125), ("G", 0.0), ("BG", 0.125), ("FG", 0.0625), ("BFG", 0.1875), ("FF", 0.0125)],
)
def test_health_grows_by_the_acting_types(team, gain):
    env = stage(team)
    act(env, *[BUILD] * len(team))
    assert env.cities["health"][0, 0] - 0.5 == pytest.approx(gain)


@pytest.mark.parametrize(("team", "steps"), [("F", 4), ("B", 81), ("BG", 8), ("BFG", 3)])
def test_steps_to_put_out_a_full_fire(team, steps):
    env = stage(team, fire=1.0, health=0.9, game_config={"fire_burn_rate": 0.001})
    for _ in range(steps):
        assert env.cities["fire"][0, 0] > 0
        act(env, *[FIRE] * len(team))
    assert env.cities["fire"][0, 0] == 0
    assert env.cities["extinguished"][0] == 1


@pytest.mark.parametrize(("kind", "lifetimes"), [(FAST, (8, 12, 18, 22)), (SLOW, (15, 23, 35, 43))])
def test_steps_until_an_unopposed_full_fire_burns_a_building_down(kind, lifetimes):
    for health, lifetime in zip((0.25, 0.40, 0.60, 0.75), lifetimes, strict=True):
        env = stage("F", fire=1.0, health=health, kind=kind)
        for _ in range(lifetime):
            assert env.cities["health"][0, 0] > 0
            step = act(env, STAY)
        assert env.cities["health"][0, 0] == 0
        assert env.cities["fire"][0, 0] == 0
        assert step.subtask_done[0].tolist() == [True, False]
        assert step.subtasks_changed[0]
        assert not act(env, STAY).subtasks_changed[0]


def test_freezing_saves_the_health_of_one_step_and_works_beside_extinguishing():
    env = stage("FG", fire=0.8)
    act(env, FIRE, FREEZE)
    assert env.cities["health"][0, 0] == 0.5
    assert env.cities["fire"][0, 0] == pytest.approx(0.55)
    act(env, STAY, STAY)
    assert env.cities["health"][0, 0] == pytest.approx(0.5 - 0.55 * 1.1 * 0.035)


def test_a_building_catches_fire_every_period_and_first_loses_health_one_step_later():
    env = stage("F")
    env.cities["period"][0, 0] = env.cities["time_to_next_fire"][0, 0] = 3
    fires = []
    for _ in range(6):
        act(env, STAY)
        fires.append(env.cities["fire"][0, 0])
        if len(fires) == 3:
            assert env.cities["health"][0, 0] == 0.5
    assert fires == [0, 0, 1, 1, 1, 1]
    assert env.cities["time_since_last_fire"][0, 0] == 0
    assert env.cities["health"][0, 0] == pytest.approx(0.5 - 3 * 0.035)


def test_completing_pays_the_subtask_twenty_and_the_team_one():
    env = stage("B", health=0.9, reward_scale=34.0)
    step = act(env, BUILD)
    # reward_scale is two buildings' max_reward (5 * 2 + 1 * 2 + 20) plus 2, hence a factor of 34 / 32.
    assert step.subtask_reward[0, 0] == pytest.approx((10 * 0.1 + 20) * 34 / 32)
    assert step.reward[0] == pytest.approx((10 * 0.1 + 1) * 34 / 32)
    assert env.cities["time_to_next_fire"][0, 0] == 1000


def test_finishing_the_last_building_solves_the_episode_even_in_its_last_step():
    env = stage("B", health=0.9, reward_scale=32.0, episode_limit=1)
    env.cities["health"][0, 1] = 1.0
    step = act(env, BUILD)
    assert step.done[0] and not step.time_limit[0]
    assert step.reward[0] == pytest.approx(10 * 0.1 + 1 + 20)
    assert step.episode_info[0]["solved"] == 1.0
    assert step.episode_info[0]["episode_limit"] == 0.0
    assert math.isnan(step.episode_info[0]["types_per_firefight"])
    assert step.episode_info[0]["types_per_build"] == 1.0


def test_the_time_limit_leaves_unfinished_subtasks_open():
    step = act(stage("B", episode_limit=1), STAY)
    assert step.done[0] and step.time_limit[0]
    assert not step.subtask_done[0].any()
    assert step.episode_info[0]["episode_limit"] == 1.0
    assert step.episode_info[0]["solved"] == 0.0


def test_any_burnt_building_ends_the_episode_on_request():
    ended = act(stage("B", fire=1.0, health=0.01, end_on_any_burn=True), STAY)
    assert ended.done[0] and not ended.time_limit[0]
    assert not act(stage("B", fire=1.0, health=0.01), STAY).done[0]


def test_a_generalist_jumps_over_a_building():
    env = stage("FFFG")
    assert env.observe()["action_mask"][0, 3, JUMP_EAST] == 0, "another agent stands beyond the building"
    act(env, STAY, EAST, STAY, STAY)
    act(env, STAY, STAY, STAY, JUMP_EAST)
    assert (env.cities["agent_x"][0, 3], env.cities["agent_y"][0, 3]) == (5, 4)


@pytest.mark.parametrize(("pick", "loser"), [(0, 0), (1, 1)])
def test_the_drawn_agent_of_a_collision_is_sent_back(pick, loser):
    env = stage("FF")
    env.force_tie_breaks([pick])
    before = env.get_state()
    act(env, EAST, NORTH)
    winner = 1 - loser
    after = env.cities[0]
    assert (after["agent_x"][winner], after["agent_y"][winner]) == (5, 5)
    assert (after["agent_x"][loser], after["agent_y"][loser]) == (before["agent_x"][loser], before["agent_y"][loser])
    assert after["position"] == before["position"]


def test_three_agents_on_one_cell_favour_the_last():
    winners = []
    for picks in itertools.product((0, 1), repeat=2):
        env = stage("FFF")
        env.cities["agent_x"][0, :3], env.cities["agent_y"][0, :3] = (8, 9, 10), (8, 9, 8)
        env.refresh()
        env.force_tie_breaks(picks)
        act(env, EAST, SOUTH, WEST)
        at_target = (env.cities["agent_x"][0, :3] == 9) & (env.cities["agent_y"][0, :3] == 8)
        winners.append(np.flatnonzero(at_target).tolist())
    assert sorted(winners) == [[0], [1], [2], [2]]
