"""Level-Based Foraging: the contract, what foods are, who is sent where, and that a hand-made team succeeds."""

import numpy as np
import pytest
from easydict import EasyDict

from dizoo_ext.adapter.baseline import play_baseline
from dizoo_ext.adapter.picture import draw_places
from dizoo_ext.check import check_env
from dizoo_ext.lbf.baseline import scripted_actions
from dizoo_ext.lbf.env import ForagingEnv
from dizoo_ext.lbf.game import LOAD
from dizoo_ext.lbf.view import IS_AGENT, IS_FOOD, LEVEL, X, Y, allocate_by_levels
from dizoo_ext.random_stream import random_legal_actions

TEAMS = [dict(agents=2, foods=1), dict(agents=3, foods=4), dict(agents=4, foods=2)]
FULL = dict(size=5, scenario=dict(agents=8, foods=9), max_level=1000, episode_limit=4)
"""As much as goes on the narrowest field."""


@pytest.fixture
def installed():
    pytest.importorskip("lbforaging", reason="lbforaging is not installed (extra lbf)")


def batch(num_envs=1, **config):
    return ForagingEnv.make_vector_env(EasyDict(ForagingEnv.default_config(), **config), num_envs)


@pytest.mark.parametrize(
    "config",
    [{}, dict(scenario=TEAMS, sight=2), dict(scenario=TEAMS[1], coop=True, penalty=0.1), FULL],
    ids=["default", "teams", "coop", "full"],
)
def test_the_contract(installed, config):
    check_env(ForagingEnv({"episode_limit": 12, "size": 6, **config}), episodes=3)


def test_sizes_need_no_package_and_are_those_of_the_largest_team(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    env = ForagingEnv(dict(scenario=TEAMS))
    spec = env.entity_spec
    assert (spec.agents, spec.entities, spec.subtasks, spec.coordinates) == (4, 8, 4, (X, Y))
    with pytest.raises(ModuleNotFoundError, match="extra 'lbf'"):
        env.reset()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (dict(scenario=[]), "lists no scenario"),
        (dict(scenario=dict(agents=3)), "such as dict"),
        (dict(scenario=["BF"]), "such as dict"),
        (dict(scenario=dict(agents=0, foods=1)), "agents .* must lie in"),
        # Nobody and nothing would find a place.
        (dict(size=5, scenario=dict(agents=9, foods=1)), r"agents \(for size 5\) must lie in \[1, 8\]"),
        (dict(size=5, scenario=dict(agents=2, foods=10)), r"foods \(for size 5\) must lie in \[1, 9\]"),
        (dict(size=4), r"env\.size"),
        (dict(size=10**5), r"env\.size"),
        (dict(max_level=2**63), r"env\.max_level"),
        (dict(max_food_level=2**31), r"env\.max_food_level"),
        (dict(penalty=float("inf")), r"env\.penalty"),
        (dict(sight=-1), r"env\.sight"),
        (dict(max_level=0), r"env\.max_level"),
        (dict(penalty=-1.0), r"env\.penalty"),
    ],
)
def test_impossible_values_are_refused(config, message):
    with pytest.raises(ValueError, match=message):
        ForagingEnv(config)


def test_entities_are_the_game_s_players_and_foods(installed):
    env = batch(scenario=TEAMS[1], sight=2)
    env.seed([4])
    seen = env.reset()
    inner = env.view().game.inner
    for index, player in enumerate(inner.players):
        row, column = player.position
        np.testing.assert_allclose(
            seen["entities"][0, index, [IS_AGENT, IS_FOOD, X, Y]], [1, 0, column / 8, row / 8], rtol=1e-6
        )
        assert seen["entities"][0, index, LEVEL] * 6 == pytest.approx(player.level)
        for food, (there_row, there_column) in enumerate(env.view().foods):
            is_near = max(abs(row - there_row), abs(column - there_column)) <= 2
            assert seen["obs_mask"][0, index, 3 + food] == is_near
    levels = {tuple(cell): inner.field[tuple(cell)] for cell in np.argwhere(inner.field)}
    assert len(levels) == seen["entity_mask"][0, 3:].sum() == seen["subtask_mask"][0].sum()
    for x, y, level in seen["entities"][0, 3 : 3 + len(levels)][:, [X, Y, LEVEL]]:
        assert level * 6 == pytest.approx(levels[round(y * 8), round(x * 8)])


def test_a_collected_food_is_finished_and_paid_to_its_subtask(installed):
    env = batch(scenario=TEAMS[1], penalty=0.1, size=6)
    env.seed([0])
    generator = np.random.default_rng(0)
    collected, failed = 0, 0
    for _ in range(6):
        seen = env.reset()
        done = False
        while not done:
            actions = random_legal_actions(seen["action_mask"], generator)
            loads = np.flatnonzero(actions[0] == LOAD)
            targets = seen["action_subtask"][0, loads, LOAD]
            assert (targets >= 0).all(), "whoever may load stands beside a food"
            before, there = seen["subtask_mask"][0], env.view().food_levels
            step = env.step(actions)
            gone = before & step.subtask_done[0]
            assert set(np.flatnonzero(gone)) <= set(targets.tolist())
            share = there[np.flatnonzero(gone)].sum() / env.view().game.inner._food_spawned
            paid = step.subtask_reward[0]
            assert paid[gone].sum() == pytest.approx(share)
            assert paid.sum() == pytest.approx(step.reward[0])
            vain = [target for target in targets if not gone[target]]
            assert paid[~gone].sum() == pytest.approx(-0.1 * len(vain))
            collected, failed = collected + gone.sum(), failed + len(vain)
            seen, done = step.observation, bool(step.done[0])
    assert collected > 3 and failed > 3


def test_episodes_do_not_depend_on_those_before(installed):
    env, other = batch(), batch()
    env.seed([1])
    for _ in range(3):
        env.reset()
    state = env.stream_state(0)
    expected = env.reset()
    other.seed([0])
    other.set_stream_state(state, 0)
    found = other.reset()
    assert all(np.array_equal(expected[key], found[key]) for key in expected)


def test_teams_are_strong_enough_for_their_foods():
    cells, foods = np.array([[0, 0], [0, 1], [7, 7]]), np.array([[0, 3], [6, 7]])
    assert allocate_by_levels(cells, np.array([1, 1, 1]), foods, np.array([2, 1])).tolist() == [0, 0, 1]
    # The third helps where two are not enough; the near food is nobody's task then.
    assert allocate_by_levels(cells, np.array([1, 1, 1]), foods, np.array([3, 9])).tolist() == [0, 0, 0]
    assert allocate_by_levels(cells, np.array([1, 1, 1]), foods, np.array([0, 9])).tolist() == [1, 1, 1]
    assert allocate_by_levels(cells, np.array([1, 1, 1]), foods, np.array([0, 0])).tolist() == [-1, -1, -1]


def test_a_hand_made_team_succeeds_and_a_random_one_does_not(installed):
    generator = np.random.default_rng(0)
    for config in (dict(scenario=TEAMS), dict(coop=True)):
        env = batch(**config)
        random = play_baseline(env, lambda _, seen: random_legal_actions(seen["action_mask"], generator), 8)
        scripted = play_baseline(env, scripted_actions, 8)
        assert scripted["solved"] > 0.9 and random["solved"] < 0.5
        assert scripted["return"] > random["return"] + 0.3


def test_pictures(installed):
    env = batch()
    env.seed([0])
    seen = env.reset()
    assert (env.render() != env.render(0, seen["heuristic_allocation"][0])).any()
    # The picture that ends a film: nobody lives once everything has been collected, and agents are still drawn.
    assert play_baseline(env, scripted_actions, 1)["solved"] == 1
    nothing = draw_places(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0, int), np.zeros(0, int), [], "")
    caption = 330
    assert (env.render()[:caption] != nothing[:caption]).any()
