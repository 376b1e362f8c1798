"""The adapter against a plain loop over random games."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_game import MASKS, RandomGame, RandomView

from dizoo_ext import from_pettingzoo
from dizoo_ext.adapter.vector import GameVector
from dizoo_ext.check import check_env
from dizoo_ext.random_stream import random_legal_actions

SHAPES = st.fixed_dictionaries(
    dict(
        agents=st.integers(1, 4),
        others=st.integers(0, 3),
        subtasks=st.integers(1, 3),
        first_action=st.sampled_from([0, 3, -1]),
        masks=st.sampled_from(MASKS),
        longest=st.integers(2, 8),
    )
)


def make(shape, num_envs=1, limit=6, scale=1.0):
    return GameVector(num_envs, lambda: RandomGame(**shape), RandomView, limit, reward_scale=scale)


@settings(max_examples=100, deadline=None)
@given(shape=SHAPES, seed=st.integers(0, 10**6), limit=st.integers(1, 10), scale=st.sampled_from([1.0, 20.0]))
def test_an_episode_is_what_a_plain_loop_sees(shape, seed, limit, scale):
    env, game = make(shape, limit=limit, scale=scale), RandomGame(**shape)
    spec, names = env.spec, game.possible_agents
    assert (spec.agents, spec.entities, spec.subtasks) == (len(names), len(names) + game.others, game.subtasks)
    stream, generator = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    env.seed([seed])
    for _ in range(2):
        seen = env.reset()
        game.reset(seed=int(stream.integers(2**31)))
        living, steps, total, done = list(game.agents), 0, 0.0, False
        while True:
            compare(seen, game, living)
            if done:
                break
            actions = random_legal_actions(seen["action_mask"], generator)
            step = env.step(actions)
            chosen = {name: int(actions[0, names.index(name)]) + game.first_action for name in living}
            _, rewards, terminations, truncations, _ = game.step(chosen)
            reward = scale * sum(rewards.values())
            steps, total = steps + 1, total + reward
            # Those who were cut and not ended, and those who go on.
            cut = [name for name in living if truncations.get(name) and not terminations.get(name)]
            left = [name for name in living if terminations.get(name) or truncations.get(name)]
            living = [name for name in game.agents if name not in left]
            done = not living or steps == limit
            was_cut = done and (len(living) > 0 or len(cut) > 0)
            assert (step.done[0], step.time_limit[0]) == (done, was_cut)
            assert step.reward[0] == pytest.approx(reward)
            expected = scale * np.asarray(env.view().subtask_rewards(rewards))
            assert step.subtask_reward[0] == pytest.approx(expected)
            assert step.subtask_done[0].tolist() == [end <= game.time for end in game.ends]
            before = [end <= game.time - 1 for end in game.ends]
            assert step.subtasks_changed[0] == (step.subtask_done[0].tolist() != before)
            if done:
                assert step.episode_info[0] == pytest.approx({"time": steps, "episode_length": steps, "return": total})
            seen, living = step.observation, living + cut if done else living
    assert env.view().game.given == game.given


def compare(seen, game, living):
    count = len(game.possible_agents)
    for index, name in enumerate(game.possible_agents):
        is_here = name in living
        assert seen["entity_mask"][0, index] == is_here
        expected = game.feature[name].astype(np.float32) if is_here else [0, 0]
        assert seen["entities"][0, index].tolist() == list(expected)
        allowed = game.legal[name] if is_here else [True]
        assert np.flatnonzero(seen["action_mask"][0, index]).tolist() == np.flatnonzero(allowed).tolist()
        for other, other_name in enumerate(game.possible_agents):
            sees = is_here and other_name in living and (index == other or game.sight[index, other])
            assert seen["obs_mask"][0, index, other] == sees
        for slot in range(game.others):
            sees = is_here and slot in game.entity and game.sight[index, count + slot]
            assert seen["obs_mask"][0, index, count + slot] == sees
        tie = game.time % game.subtasks if is_here else -1
        assert seen["action_subtask"][0, index].tolist() == [-1, tie, *[-1] * (seen["action_mask"].shape[2] - 2)]
    for slot in range(game.others):
        is_here = slot in game.entity
        assert seen["entity_mask"][0, count + slot] == is_here
        subtask = slot % (game.subtasks + 1) - 1
        assert seen["entity_subtask"][0, count + slot] == (subtask if is_here else -1)


@settings(max_examples=10, deadline=None)
@given(shape=SHAPES, limit=st.integers(1, 10), observation=st.sampled_from(["both", "entities", "flat"]))
def test_the_contract(shape, limit, observation):
    env_class = from_pettingzoo(RandomGame, RandomView, episode_limit=limit, **shape)
    check_env(env_class(dict(observation=observation)), episodes=3)


def test_a_resumed_stream_goes_on():
    shape = dict(agents=3, others=2, subtasks=2)
    env, other = make(shape), make(shape)
    env.seed([5])
    env.reset()
    state = env.stream_state(0)
    expected = env.reset()
    other.seed([6])
    other.set_stream_state(state, 0)
    found = other.reset()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)
