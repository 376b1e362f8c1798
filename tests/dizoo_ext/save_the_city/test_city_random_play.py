"""What holds in every reachable state, and that environments of a batch do not touch each other."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dizoo_ext.contract import ENTITY_KEYS
from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.save_the_city.vector import SaveTheCityVector

BUSY = {"init_fire_chance": 0.7, "fire_burn_rate": 0.02, "base_build_rate": 0.5}
STATE = ("agents", "buildings", "agent_x", "agent_y", "health", "fire", "time_to_next_fire", "words", "position", "t")


def play(env: SaveTheCityVector, steps: int, seed: int, visit=lambda *_: None) -> None:
    """Random legal play of a reset batch; ended episodes are followed by new ones."""
    generator = np.random.default_rng(seed)
    observation = env.observe()
    for _ in range(steps):
        actions = random_legal_actions(observation["action_mask"], generator)
        step = env.step(actions)
        visit(env, actions, step)
        if step.episode_info:
            env.reset(list(step.episode_info))
        observation = env.observe()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32 - 1),
    scenario=st.sampled_from(["2-5a_2-5b", "24a_24b", "single_scen", "infinite", "2-8a_2-8b_sim_Q2"]),
)
def test_invariants_of_every_state(seed, scenario):
    env = SaveTheCityVector(2, scenario=scenario, observation="entities", game_config=BUSY)
    env.seed([seed, seed // 2])
    env.reset()
    play(env, 60, seed, assert_invariants)


def assert_invariants(env: SaveTheCityVector, actions: np.ndarray, step) -> None:
    for city, done in zip(env.cities, step.done, strict=True):
        n, m = city["agents"], city["buildings"]
        health, fire = city["health"][:m], city["fire"][:m]
        finished = (health == 0) | (health == 1)
        assert ((health >= 0) & (health <= 1) & (fire >= 0) & (fire <= 1)).all()
        assert (fire[finished] == 0).all()
        assert (city["time_to_next_fire"][:m][finished] == 1000).all()
        assert (city["time_to_next_fire"][:m][~finished] >= 1).all()
        agents = list(zip(city["agent_x"][:n].tolist(), city["agent_y"][:n].tolist(), strict=True))
        houses = list(zip(city["building_x"][:m].tolist(), city["building_y"][:m].tolist(), strict=True))
        cells = agents + houses
        assert len(set(cells)) == len(cells)
        assert all(0 <= x < 16 and 0 <= y < 16 for x, y in cells)
        for x, y in agents:
            assert sum(abs(x - u) + abs(y - v) == 1 for u, v in houses) <= 1
        assert city["running"] != done
        assert done == (finished.all() or city["t"] == env.spec.episode_limit)
        assert city["completed"] == (health == 1).sum()
        assert city["burned"] == (health == 0).sum()


@pytest.mark.parametrize("scenario", ["2-5a_2-5b", "infinite"])
def test_a_batch_equals_its_environments_alone(scenario):
    seeds = [3, 14, 15, 92]
    batch = SaveTheCityVector(4, scenario=scenario, observation="both", game_config=BUSY)
    alone = [SaveTheCityVector(1, scenario=scenario, observation="both", game_config=BUSY) for _ in seeds]
    batch.seed(seeds)
    batch.reset()
    for env, seed in zip(alone, seeds, strict=True):
        env.seed([seed])
        env.reset()
    ends = []

    def follow(_, actions, step):
        ends.append(sorted(step.episode_info))
        for row, env in enumerate(alone):
            single = env.step(actions[row : row + 1])
            for key, values in step.observation.items():
                np.testing.assert_array_equal(values[row], single.observation[key][0], err_msg=key)
            for name in ("reward", "done", "time_limit", "subtask_reward", "subtask_done", "subtasks_changed"):
                np.testing.assert_array_equal(getattr(step, name)[row], getattr(single, name)[0], err_msg=name)
            assert str(step.episode_info.get(row)) == str(single.episode_info.get(0))
            if single.done[0]:
                env.reset()

    play(batch, 300, 0, follow)
    assert sum(map(bool, ends)) > 4 and any(0 < len(rows) < 4 for rows in ends), "episodes must end at different times"


def test_equal_seeds_give_equal_traces_whatever_is_interleaved():
    def run(disturb: bool) -> list[np.ndarray]:
        env, other = (SaveTheCityVector(1, scenario="infinite", observation="entities") for _ in range(2))
        env.seed([7])
        other.seed([8])
        env.reset()
        other.reset()
        states = []

        def note(env, actions, step):
            states.append(env.get_state())
            if disturb:
                np.random.random(5)
                other.reset()

        play(env, 200, 1, note)
        return states

    for left, right in zip(run(False), run(True), strict=True):
        assert left == right


def test_steps_of_some_environments_leave_the_others_alone():
    env = SaveTheCityVector(3, observation="entities")
    env.seed([1, 2, 3])
    env.reset()
    before = env.cities.copy()
    step = env.step(np.zeros((2, 5), int), ids=[2, 0])
    assert env.cities[1] == before[1]
    assert env.cities["t"].tolist() == [1, 0, 1]
    for row, env_id in enumerate([2, 0]):
        np.testing.assert_array_equal(step.observation["entities"][row], env.observe()["entities"][env_id])


def test_what_is_handed_out_is_never_written_again():
    env = SaveTheCityVector(2, observation="both", game_config=BUSY)
    env.seed([1, 2])
    env.reset()
    kept, copies = [], []

    def keep(env, actions, step):
        arrays = [*step.observation.values(), *step[1:7]]
        kept.extend(arrays)
        copies.extend(array.copy() for array in arrays)
        assert not any(np.shares_memory(array, env.cities) for array in arrays)

    play(env, 100, 2, keep)
    for array, copy in zip(kept, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_saved_state_continues_identically():
    env, other = (SaveTheCityVector(1, observation="entities", game_config=BUSY) for _ in range(2))
    env.seed([5])
    env.reset()
    play(env, 30, 0)
    other.set_state(env.get_state())
    play(env, 200, 3)
    play(other, 200, 3)
    assert env.get_state() == other.get_state()


def test_observations_match_the_contract():
    for observation in ("both", "entities", "flat"):
        env = SaveTheCityVector(3, scenario=["BF", "BFG"], observation=observation)
        env.seed([0, 1, 2])
        handed_out = env.reset(test=True)
        space = env.spec.observation_space(observation)
        assert set(handed_out) == set(space.spaces)
        for key, box in space.spaces.items():
            assert handed_out[key].shape == (3, *box.shape), key
            assert handed_out[key].dtype == box.dtype, key
            for row in handed_out[key]:
                assert box.contains(row), key


def test_absent_agents_and_buildings_show_nothing():
    env = SaveTheCityVector(1, scenario=["BF", "BFG"], observation="both")
    env.seed([0])
    seen = env.reset(index=0)
    assert seen["entity_mask"][0].tolist() == [True, True, False, True, True, True, False]
    assert not seen["entities"][0, [2, 6]].any()
    assert not seen["obs_mask"][0, 2].any() and not seen["obs_mask"][0, :, [2, 6]].any()
    assert seen["action_mask"][0, 2].tolist() == [1.0] + [0.0] * 11
    assert seen["entity_subtask"][0].tolist() == [-1, -1, -1, 0, 1, 2, -1]
    assert seen["subtask_mask"][0].tolist() == [True, True, True, False]
    assert seen["heuristic_allocation"][0, 2] == -1
    step = env.step(np.array([[0, 0, 99]]))
    assert step.subtask_done[0, 3] and step.subtask_reward[0, 3] == 0
    assert set(ENTITY_KEYS) < set(step.observation)
