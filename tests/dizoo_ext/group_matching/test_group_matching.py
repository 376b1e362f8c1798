"""Group Matching against recorded games of the original, and its own rules."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dizoo_ext.check import check_env
from dizoo_ext.group_matching import GroupMatchingEnv, GroupMatchingVector


def episodes_of(golden: dict) -> list[str]:
    """Prefixes ``c.s.e`` of the recorded episodes."""
    return sorted({".".join(key.split(".")[:3]) for key in golden if key.count(".") == 3})


def config_of(golden: dict, prefix: str) -> dict:
    sizes = golden["configs"][int(prefix.split(".")[0][1:])]
    return dict(zip(("agents", "cells", "groups", "episode_limit"), map(int, sizes), strict=True))


@pytest.mark.golden("refil", "group_matching")
def test_golden_refil_group_matching_transitions(golden):
    prefixes = episodes_of(golden)
    assert prefixes
    for prefix in prefixes:
        episode = {key.split(".")[3]: value for key, value in golden.items() if key.startswith(f"{prefix}.")}
        config = config_of(golden, prefix)
        env = GroupMatchingVector(1, random_move=0.0, observation="entities", **config)
        env.seed([0])
        env.reset()
        game = env.games[0]
        agents, groups = config["agents"], config["groups"]
        game["cell"][:agents] = episode["init_locs"]
        game["member"][:groups, :agents] = episode["group_membership"]
        game["matches"] = episode["init_matches"]
        np.testing.assert_array_equal(env.observe()["entities"][0], episode["entities"][0])
        for t, actions in enumerate(episode["effective_actions"]):
            step = env.step(actions[None])
            np.testing.assert_array_equal(step.observation["entities"][0], episode["entities"][t + 1])
            assert step.reward[0] == pytest.approx(episode["reward"][t], abs=1e-12)
            assert step.done[0] == episode["done"][t]
            assert step.subtask_done[0, 0] == episode["solved"][t]
            assert step.time_limit[0] == (episode["episode_limit"][t] and not episode["solved"][t])


@pytest.mark.golden("refil", "group_matching")
def test_golden_refil_group_matching_random_stream(golden):
    """Groups, cells and replaced actions from the seed alone (two groups: with more, the original's cuts overlap)."""
    replayed = 0
    for first in episodes_of(golden):
        config = config_of(golden, first)
        if config["groups"] != 2 or not first.endswith("e0"):
            continue
        env = GroupMatchingVector(1, observation="entities", **config)
        env.seed([int(golden[f"{first}.seed"])])
        for prefix in (first, f"{first[:-1]}1"):
            if f"{prefix}.seed" not in golden:
                continue
            env.reset()
            game = env.games[0]
            np.testing.assert_array_equal(
                game["member"][:2, : config["agents"]], golden[f"{prefix}.group_membership"].astype(bool)
            )
            if not np.array_equal(game["cell"][: config["agents"]], golden[f"{prefix}.init_locs"]):
                assert prefix.endswith("s2.e1"), "only there the recording moved the agents by hand"
                break
            for t, actions in enumerate(golden[f"{prefix}.actions"]):
                step = env.step(actions[None])
                np.testing.assert_array_equal(step.observation["entities"][0], golden[f"{prefix}.entities"][t + 1])
            replayed += 1
    assert replayed > 0


def test_contract():
    check_env(GroupMatchingEnv({"agents": 5, "cells": 4, "groups": 3, "episode_limit": 20}))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), agents=st.integers(1, 32), cells=st.integers(2, 9), groups=st.integers(1, 8))
def test_every_agent_is_in_exactly_one_group_and_rewards_telescope(seed, agents, cells, groups):
    env = GroupMatchingVector(2, agents=agents, cells=cells, groups=groups, episode_limit=15, observation="entities")
    env.seed([seed, seed])
    env.reset()
    assert (env.games["member"][:, :groups, :agents].sum(1) == 1).all()
    assert not env.games["member"][:, groups:].any()
    before = int(env.games["matches"][0])
    generator = np.random.default_rng(seed)
    rewards = []
    done = False
    while not done:
        step = env.step(np.repeat(generator.integers(3, size=(1, agents)), 2, 0))
        rewards.append(step.reward[0])
        done = step.done[0]
        assert step.done[0] == step.done[1]
        np.testing.assert_array_equal(step.observation["entities"][0], step.observation["entities"][1])
    gained = sum(rewards) + 0.1 * len(rewards)
    assert gained == pytest.approx(2.5 * (int(env.games["matches"][0]) - before))
    assert step.episode_info[0]["solved"] == (env.games["matches"][0] == groups)
    assert step.episode_info[0]["return"] == pytest.approx(sum(rewards))


def test_a_game_does_not_depend_on_its_neighbours():
    batch = GroupMatchingVector(3, observation="flat")
    batch.seed([5, 6, 7])
    batch.reset()
    single = GroupMatchingVector(1, observation="flat")
    single.seed([6])
    single.reset()
    generator = np.random.default_rng(0)
    for _ in range(20):
        actions = generator.integers(3, size=(3, 8))
        together, alone = batch.step(actions), single.step(actions[1:2])
        assert together.reward[1] == alone.reward[0]
        for key, value in alone.observation.items():
            np.testing.assert_array_equal(together.observation[key][1], value[0])
        if together.done.any():
            break


def test_solved_at_the_last_step_is_no_time_limit():
    env = GroupMatchingVector(1, agents=2, cells=5, groups=1, random_move=0.0, episode_limit=1)
    env.seed([0])
    env.reset()
    env.games["cell"][0, :2] = (0, 1)
    env.games["matches"] = 0
    step = env.step(np.array([[2, 1]]))
    assert step.done[0] and not step.time_limit[0]
    assert step.reward[0] == pytest.approx(2.4)


@pytest.mark.parametrize(
    "actions, message",
    [
        (np.full((1, 8), 3), "got 3"),
        (np.zeros((1, 7), int), "shape"),
        (np.zeros((1, 8)), "integers"),
    ],
)
def test_wrong_actions_are_refused(actions, message):
    env = GroupMatchingVector(1)
    env.seed([0])
    env.reset()
    with pytest.raises(ValueError, match=message):
        env.step(actions)


def test_wrong_use_is_refused():
    with pytest.raises(ValueError, match=r"env\.cells"):
        GroupMatchingVector(1, cells=1)
    env = GroupMatchingVector(1, episode_limit=1)
    with pytest.raises(RuntimeError, match="seed"):
        env.reset()
    env.seed([0])
    env.reset()
    env.step(np.ones((1, 8), int))
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.ones((1, 8), int))


def test_picture_shows_where_agents_stand():
    env = GroupMatchingVector(1)
    env.seed([0])
    env.reset()
    before = env.render()
    assert before.shape == (320, 320, 3) and before.dtype == np.uint8
    env.games["cell"][0, 0] = (env.games["cell"][0, 0] + 1) % 6
    assert (env.render() != before).any()
