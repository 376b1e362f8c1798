"""What the masks allow, the engine does; checked against the engine itself."""

import copy

import numpy as np
import pytest
from lux_stage import new_game, random_actions, refusals

from dizoo_ext.lux.opponents import no_actions
from dizoo_ext.lux.settings import BUILD_HEAVY, BUILD_LIGHT, MOVE, PLAYERS, STAY, WAIT
from dizoo_ext.lux.view import F_STRAIN, SLOT, TEAM, U_X, U_Y


def play_watched(game, generator):
    """One random game to its end: no chosen action is refused, every chosen unit is built."""
    builds = np.zeros(2, int)
    with refusals() as refused:
        while not game.is_over:
            actions = random_actions(game, generator)
            resting = {
                name
                for team, player in enumerate(PLAYERS)
                for name, row in zip(
                    game.engine.state.units[player], game.view.units[game.view.units[:, TEAM] == team], strict=True
                )
                if actions[team, row[SLOT]] == STAY
            }
            there = game.stocks.is_there
            builds += (np.isin(actions, (BUILD_LIGHT, BUILD_HEAVY)) & there).sum(1)
            refused.clear()
            game.step(actions)
            assert set(refused) <= resting, f"refused at step {game.view.step} on map {game.map_seed}"
    built = [sum(game.engine.state.stats[player]["generation"]["built"].values()) for player in PLAYERS]
    assert built == builds.tolist()


def test_no_chosen_action_is_refused():
    generator = np.random.default_rng(0)
    for seed in range(2):
        play_watched(new_game(seed), generator)
    play_watched(new_game(5, max_units=3), generator)


@pytest.mark.slow
def test_no_chosen_action_is_refused_in_50_games_of_the_benchmark():
    generator = np.random.default_rng(1)
    for seed in range(50):
        play_watched(new_game(seed, map_size=48, min_factories=3, max_factories=5, max_units=64), generator)


def states(count, every, **settings):
    """States of random games, with ice in the hold of some units, for otherwise few would carry any."""
    generator = np.random.default_rng(3)
    game = new_game(7, **settings)
    for step in range(count * every):
        game.step(random_actions(game, generator))
        if step % every == every - 1:
            for unit in game.engine.state.units["player_0"].values():
                unit.cargo.ice = int(generator.integers(0, 40))
                unit.power = int(generator.integers(0, unit.battery_capacity))
            game._look()
            yield game


def single_actions(game):
    """Every legal action of every member of the first team, alone."""
    idle = np.stack([no_actions(game.settings)] * 2)
    for slot, action in np.argwhere(game.legal[0]).tolist():
        if action in (STAY, WAIT):
            continue
        actions = idle.copy()
        actions[0, slot] = action
        yield slot, action, actions


def test_every_legal_action_is_carried_out():
    kinds = set()
    for game in states(6, 8):
        for slot, action, actions in single_actions(game):
            trial = copy.deepcopy(game)
            own = trial.view.units[trial.view.units[:, TEAM] == 0]
            names = dict(zip(own[:, SLOT].tolist(), trial.engine.state.units["player_0"], strict=True))
            with refusals() as refused:
                trial.step(actions)
            kinds.add(action)
            if slot < game.settings.max_factories:
                strain = game.view.factories[game.view.factories[:, SLOT] == slot][0, F_STRAIN]
                assert f"factory_{strain}" not in refused
                assert len(trial.engine.state.units["player_0"]) == len(own) + 1
                continue
            assert names[slot] not in refused, (slot, action)
            if MOVE <= action < MOVE + 4 and trial.stocks.is_there[0, slot]:
                before = own[own[:, SLOT] == slot][0, [U_X, U_Y]]
                after = trial.view.units[(trial.view.units[:, [TEAM, SLOT]] == [0, slot]).all(1)][0, [U_X, U_Y]]
                assert np.abs(after - before).sum() == 1
    assert len(kinds) > 20


def test_own_units_never_destroy_each_other():
    generator = np.random.default_rng(4)
    game = new_game(8, kept_alive=1)
    while not game.is_over:
        actions = random_actions(game, generator)
        actions[1] = no_actions(game.settings)
        game.step(actions)
        destroyed = game.engine.state.stats["player_0"]["destroyed"]
        assert destroyed["LIGHT"] == destroyed["HEAVY"] == 0


def test_units_never_outnumber_their_slots_and_a_slot_rests_between_two_units():
    generator = np.random.default_rng(5)
    game = new_game(9, max_units=3)
    previous = game.stocks.is_there
    holders = dict(enumerate(PLAYERS))
    names = {}
    while not game.is_over:
        game.step(random_actions(game, generator))
        for team, player in holders.items():
            rows = game.view.units[game.view.units[:, TEAM] == team]
            for name, slot in zip(game.engine.state.units[player], rows[:, SLOT].tolist(), strict=True):
                if names.setdefault((team, slot), name) != name:
                    assert not previous[team, slot], "a slot passed from one unit to another at once"
                    names[team, slot] = name
        previous = game.stocks.is_there
        assert previous[:, game.settings.max_factories :].sum(1).max() <= 3


def test_members_without_another_choice_may_do_nothing():
    generator = np.random.default_rng(6)
    game = new_game(10)
    for _ in range(60):
        there, factories = game.stocks.is_there, game.settings.max_factories
        assert (game.legal.any(2) == there).all()
        units = game.legal[:, factories:]
        assert (units[..., STAY] == (there[:, factories:] & ~units[..., 1:].any(2))).all()
        own = game.legal[:, :factories]
        assert (own[..., WAIT] == (there[:, :factories] & ~own[..., BUILD_HEAVY])).all()
        game.step(random_actions(game, generator))
