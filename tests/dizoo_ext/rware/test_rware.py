"""The multi-robot warehouse: the contract, what requests are, and that a hand-made team delivers."""

from types import SimpleNamespace

import numpy as np
import pytest
from easydict import EasyDict

from dizoo_ext.adapter.baseline import play_baseline
from dizoo_ext.check import check_env
from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.rware.baseline import scripted_actions
from dizoo_ext.rware.env import WarehouseEnv
from dizoo_ext.rware.game import FORWARD, TOGGLE, WarehouseGame
from dizoo_ext.rware.view import IS_CARRYING, IS_WANTED, X, Y


@pytest.fixture
def installed():
    pytest.importorskip("rware", reason="rware is not installed (extra rware)")


def batch(**config):
    return WarehouseEnv.make_vector_env(EasyDict(WarehouseEnv.default_config(), **config), 1)


@pytest.mark.parametrize("config", [dict(episode_limit=15), dict(agents=4, requests=3, episode_limit=10)])
def test_the_contract(installed, config):
    check_env(WarehouseEnv(config), episodes=2)


def test_sizes_need_no_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    env = WarehouseEnv(dict(agents=3, requests=4))
    assert (env.entity_spec.agents, env.entity_spec.entities, env.entity_spec.subtasks) == (3, 7, 4)
    with pytest.raises(ModuleNotFoundError, match="extra 'rware'"):
        env.reset()


@pytest.mark.parametrize("sizes", [(3, 1, 2), (5, 2, 1), (3, 3, 4)])
def test_sizes_are_the_package_s(installed, sizes):
    columns, rows, height = sizes
    game = WarehouseGame(shelf_columns=columns, shelf_rows=rows, column_height=height)
    game.reset(seed=0)
    assert game.inner.grid_size == (game.height, game.width)
    shelves = len(game.inner.shelfs)
    assert WarehouseGame(2, shelves - 1, *sizes).requests == shelves - 1
    with pytest.raises(ValueError, match=r"env\.requests"):
        WarehouseGame(2, shelves, *sizes)


@pytest.mark.parametrize(
    "config",
    [dict(agents=0), dict(shelf_columns=4), dict(shelf_columns=1), dict(requests=0), dict(column_height=10**5)],
)
def test_impossible_values_are_refused(config):
    with pytest.raises(ValueError, match=rf"env\.{next(iter(config))}"):
        WarehouseEnv(config)


def test_requests_are_entities_and_pay_when_they_are_delivered(installed):
    env = batch(agents=3, requests=2)
    env.seed([2])
    seen, deliveries, lifted = env.reset(), 0, 0
    for _ in range(100):
        view = env.view()
        before = list(view.requests)
        for place, shelf in enumerate(before):
            np.testing.assert_allclose(seen["entities"][0, 3 + place, [X, Y]] * 10, [shelf.x, shelf.y], rtol=1e-6)
        action = scripted_actions(view, {key: value[0] for key, value in seen.items()})
        tied = seen["action_subtask"][0, :, TOGGLE]
        step = env.step(action[None])
        for robot, (subtask, does) in enumerate(zip(tied, action, strict=True)):
            if does == TOGGLE and subtask >= 0:
                assert step.observation["entities"][0, robot, IS_CARRYING] == 1
                assert step.observation["entities"][0, robot, IS_WANTED] == 1
                assert step.observation["entities"][0, 3 + subtask, IS_CARRYING] == 1
                lifted += 1
        changed = [old is not new for old, new in zip(before, view.requests, strict=True)]
        assert step.subtask_reward[0].tolist() == changed and step.reward[0] == sum(changed)
        deliveries += sum(changed)
        seen = step.observation
    # A shelf may be requested again while it is carried back, so that nobody lifts it.
    assert deliveries >= 3 and lifted >= 3 and step.time_limit[0]


def test_a_request_that_is_fulfilled_as_it_is_made_pays_in_the_slot_of_the_one_before(installed):
    from rware.warehouse import Direction

    env = batch(agents=2, requests=1)
    env.seed([0])
    env.reset()
    view = env.view()
    game, inner, requested = view.game, view.game.inner, view.requests[0]
    other = next(shelf for shelf in inner.shelfs if shelf is not requested)
    for robot, shelf, (column, row) in zip(inner.agents, (requested, other), inner.goals, strict=True):
        robot.x, robot.y, robot.dir, robot.carrying_shelf = column, row - 1, Direction.DOWN, shelf
        shelf.x, shelf.y = robot.x, robot.y
    inner._recalc_grid()
    left = [other, next(shelf for shelf in inner.shelfs if shelf not in (requested, other))]
    inner.np_random = SimpleNamespace(choice=lambda candidates: left.pop(0))
    _, rewards, *_ = game.step(dict.fromkeys(game.possible_agents, FORWARD))
    assert list(rewards.values()) == [1, 1] and view.subtask_rewards(rewards).tolist() == [2]


def test_who_carries_a_request_keeps_it_and_others_are_spread(installed):
    env = batch(agents=3, requests=2)
    env.seed([0])
    env.reset()
    game = env.view().game
    game.inner.agents[2].carrying_shelf = env.view().requests[1]
    chosen = env.view().allocate()
    assert chosen["agent_2"] == 1 and sorted(chosen) == game.possible_agents
    assert 0 in (chosen["agent_0"], chosen["agent_1"])


def test_a_hand_made_team_delivers_and_a_random_one_does_not(installed):
    env, generator = batch(), np.random.default_rng(0)
    random = play_baseline(env, lambda _, seen: random_legal_actions(seen["action_mask"], generator), 2)
    scripted = play_baseline(env, scripted_actions, 4)
    assert scripted["return"] > 4 and random["return"] < 1, (scripted, random)


def test_pictures(installed):
    env = batch()
    env.seed([0])
    seen = env.reset()
    assert (env.render() != env.render(0, seen["heuristic_allocation"][0])).any()
