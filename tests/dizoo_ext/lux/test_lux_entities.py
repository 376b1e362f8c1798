"""The environment ``lux_entities``: robots as agents, factories as subtasks."""

import numpy as np
import pytest
from lux_stage import SMALL

from dizoo_ext.check import check_env
from dizoo_ext.lux import LuxEntitiesEnv
from dizoo_ext.lux.entities import FEATURES
from dizoo_ext.lux.heuristic import heuristic_actions
from dizoo_ext.lux.settings import GIVE_ICE, STAY, TAKE_POWER
from dizoo_ext.lux.view import F_X, F_Y, SLOT, TEAM, U_ICE, U_X, U_Y


def new_env(seed=0, **cfg):
    env = LuxEntitiesEnv({**SMALL, **cfg})
    env.seed(seed)
    return env


@pytest.mark.parametrize("opponent", ["none", "heuristic"])
def test_it_keeps_the_contract(opponent):
    check_env(new_env(opponent=opponent, max_units=5, episode_limit=25), episodes=2)


def test_episodes_end_with_the_last_factory():
    """Dead subtasks, dead agents: the whole of an idle team's game."""
    env = new_env(2, opponent="idle", min_factories=2)
    observation, done = env.reset(), False
    while not done:
        observation, _, done, info = env.step(env.random_action())
    assert not observation["subtask_mask"].any() and info["subtask_done"].all()
    assert not info["time_limit"] and info["episode_info"]["episode_length"] == 151


def test_illegal_actions_count_as_none_where_that_is_wanted():
    plain, forgiving = new_env(5), new_env(5, illegal_action="noop")
    observation = plain.reset()
    forgiving.reset()
    for _ in range(30):
        legal = plain.random_action()
        forbidden = observation["action_mask"].argmin(-1)
        is_open = (legal == STAY) & (observation["action_mask"].min(-1) == 0)
        asked = np.where(is_open, forbidden, legal)
        given = asked.copy()
        expected, observed = plain.step(legal), forgiving.step(asked)
        assert (asked == given).all(), "the caller's array is its own"
        for key, value in expected.obs.items():
            np.testing.assert_array_equal(observed.obs[key], value, err_msg=key)
        assert is_open.any() and observed.reward[0] == expected.reward[0]
        observation = expected.obs


def play_heuristic(env, steps):
    """Yields (observation, action, timestep) of the hand-made player's robots."""
    observation, match = env.reset(), env._vector_env.matches[0]
    for _ in range(steps):
        action = heuristic_actions(match.game, 0)[match.settings.max_factories :]
        action[~observation["entity_mask"][: len(action)]] = STAY
        timestep = env.step(action)
        yield observation, action, timestep
        observation = timestep.obs


def test_subtasks_are_paid_what_is_brought_to_their_factory():
    env = new_env(3, min_factories=2, episode_limit=400)
    paid, total = np.zeros(2), 0.0
    for _, _, timestep in play_heuristic(env, 250):
        reward = timestep.info["subtask_reward"]
        assert timestep.reward[0] == pytest.approx(reward.sum(), abs=1e-6)
        paid += reward
        total += timestep.reward[0]
    stats = env._vector_env.matches[0].game.engine.state.stats["player_0"]
    ice, mined = stats["transfer"]["ice"], sum(stats["generation"]["ice"].values())
    assert (paid > 0).all() and ice > 500
    worth = 0.01 / 4 * (ice + 0.1 * mined / 2)
    assert worth <= total <= 1.1 * worth


def test_features_masks_and_ties_are_the_game_s():
    env = new_env(4, min_factories=2, opponent="heuristic")
    ties = set()
    for observation, action, _ in play_heuristic(env, 120):
        alive = observation["entity_mask"][: len(action)]
        assert (observation["action_mask"][alive, STAY] == 1).all()
        tied = observation["action_subtask"] >= 0
        assert (observation["action_mask"][tied] == 1).all(), "an action that is not allowed is tied"
        for agent, chosen in enumerate(action):
            if tied[agent, chosen]:
                ties.add(int(chosen))
    assert ties & {GIVE_ICE} and ties & set(range(TAKE_POWER, TAKE_POWER + 10))
    game = env._vector_env.matches[0].game
    look, view = env._vector_env._looks[0], game.view
    units, factories = 12, 2
    for team, first in ((0, 0), (1, units + 2 * factories)):
        own = view.units[view.units[:, TEAM] == team]
        rows = look.entities[first + own[:, SLOT] - factories]
        np.testing.assert_allclose(rows[:, 4], 2 * own[:, U_X] / 23 - 1, atol=1e-6)
        np.testing.assert_allclose(rows[:, 5], 2 * own[:, U_Y] / 23 - 1, atol=1e-6)
        np.testing.assert_allclose(rows[:, 7] * np.where(rows[:, 1] > 0, 1000, 100), own[:, U_ICE], atol=1e-3)
        assert (rows[:, 3] == team).all() and (rows[:, :2].sum(1) == 1).all()
        ice = np.argwhere(view.ice > 0)
        for unit, row in zip(own, rows, strict=True):
            offset = np.rint(row[19:21] * 24).astype(int)
            place = unit[[U_X, U_Y]] + offset
            assert view.ice[tuple(place)] > 0
            assert np.abs(offset).sum() == np.abs(ice - unit[[U_X, U_Y]]).sum(1).min()
            nearest = np.abs(view.factories[view.factories[:, TEAM] == 0][:, [F_X, F_Y]] - unit[[U_X, U_Y]]).sum(1)
            assert np.abs(row[23:25] * 24).sum() == pytest.approx(nearest.min(), abs=1e-4)
    assert look.entities.shape == (2 * (units + factories), FEATURES)


def test_what_entities_cannot_show_is_refused():
    with pytest.raises(ValueError, match="opponent = 'self'"):
        new_env(opponent="self")
    with pytest.raises(ValueError, match=r"env\.lichen"):
        new_env(lichen=True)
