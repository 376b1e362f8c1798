"""The environment ``lux`` through DI-engine's interface."""

import gc
import tracemalloc
from functools import partial

import numpy as np
import pytest
import torch
from ding.envs import create_env_manager, get_env_manager_cls
from ding.torch_utils import to_tensor
from easydict import EasyDict
from lux_stage import SMALL

from dizoo_ext.gymnasium import make_env
from dizoo_ext.lux import LuxEnv
from dizoo_ext.lux.heuristic import heuristic_actions
from dizoo_ext.lux.match import LuxMatch
from dizoo_ext.lux.opponents import OPPONENTS
from dizoo_ext.lux.settings import ACTIONS, BUILD_HEAVY, GIVE_ICE, WATER


def new_env(seed=0, **cfg):
    env = LuxEnv({**SMALL, **cfg})
    env.seed(seed)
    return env


def finish(env, act=None):
    """Play to the end; returns all timesteps."""
    timesteps = []
    while not timesteps or not timesteps[-1].done:
        timesteps.append(env.step(env.random_action() if act is None else act(env)))
    return timesteps


def first_legal(env):
    """Nothing useful: factories build light units, units walk."""
    return env.match.game.legal[: env.match.teams].argmax(2)


def heuristic(env):
    return np.stack([heuristic_actions(env.match.game, team) for team in range(env.match.teams)])


@pytest.mark.parametrize("opponent", [name for name in OPPONENTS if name != "checkpoint"])
def test_timesteps_are_what_the_spaces_say(opponent):
    env = new_env(opponent=opponent, plane_type="float16", trajectories="closest_factory")
    observation = env.reset()
    teams = 2 if opponent == "self" else 1
    assert env.action_space.shape == (teams, 14)
    timesteps = finish(env)
    for timestep in [None, *timesteps]:
        shown = observation if timestep is None else timestep.obs
        assert shown.keys() == env.observation_space.spaces.keys()
        for key, space in env.observation_space.spaces.items():
            assert space.contains(shown[key]), key
    last = timesteps[-1]
    assert last.info["eval_episode_return"] == last.info["episode_info"]["return"]
    for timestep in timesteps:
        assert timestep.reward.shape == (1,) and timestep.reward.dtype == np.float32
        assert timestep.info["member_reward"].shape == (teams, 14)
        assert timestep.reward[0] == pytest.approx(timestep.info["member_reward"].sum(1).mean())
    assert last.info["episode_info"]["return"] == pytest.approx(sum(t.reward[0] for t in timesteps), abs=1e-5)
    to_tensor(last, dtype=torch.float32)


def test_observations_are_freshly_allocated():
    env = new_env()
    first = env.reset()
    copies = {key: value.copy() for key, value in first.items()}
    second = env.step(env.random_action()).obs
    third = env.step(env.random_action()).obs
    for key in first:
        assert not np.may_share_memory(first[key], second[key]) and not np.may_share_memory(second[key], third[key])
        assert (first[key] == copies[key]).all()


def trace(seed, **cfg):
    env = new_env(seed, **cfg)
    result = []
    for _ in range(2):
        result.append(env.reset())
        result += [timestep.obs for timestep in finish(env)[:60]]
    return result


@pytest.mark.parametrize("opponent", ["self", "random"])
def test_equal_seeds_give_equal_games(opponent):
    first, second, other = trace(3, opponent=opponent), trace(3, opponent=opponent), trace(4, opponent=opponent)
    for a, b in zip(first, second, strict=True):
        assert all((a[key] == b[key]).all() for key in a)
    assert (first[0]["planes"] != other[0]["planes"]).any()
    test = new_env(3, is_test=True).reset()
    assert (first[0]["planes"] != test["planes"]).any(), "evaluators play the collectors' maps"


def test_one_map_can_be_asked_for():
    env = new_env(5)
    first = env.reset(map_seed=11)
    env.reset()
    assert env.match.game.map_seed != 11
    assert (env.reset(map_seed=11)["planes"] == first["planes"]).all()


def test_idle_teams_live_151_steps_and_a_kept_one_for_ever():
    env = new_env(opponent="idle")
    env.reset()
    last = finish(env, first_legal)[-1]
    info = last.info["episode_info"]
    assert (info["episode_length"], info["ice_transferred"], info["won"]) == (151, 0, 0.5)
    assert not last.info["time_limit"]
    env = new_env(opponent="none", episode_limit=300)
    env.reset()
    last = finish(env, heuristic)[-1]
    info = last.info["episode_info"]
    assert last.info["time_limit"] and info["episode_length"] == 300
    factories = env.match.game.engine.state.board.factories_per_team
    assert info["factories_alive_player_1"] == info["factories_alive_player_0"] == factories


def test_training_episodes_are_cut_and_tests_are_not():
    env = new_env(training_limit=20, opponent="none")
    env.reset()
    timesteps = finish(env)
    assert len(timesteps) == 20 and timesteps[-1].info["time_limit"]
    assert timesteps[-1].obs["planes"][0, 0, 0, 0] == pytest.approx(2 * 20 / 1000 - 1)
    env = new_env(training_limit=20, opponent="idle", is_test=True)
    env.reset()
    assert len(finish(env)) == 151


def test_the_heuristic_keeps_its_factories_alive_and_is_paid_for_its_ice():
    env = new_env(1, opponent="heuristic", episode_limit=400)
    env.reset()
    earned = np.zeros(2)

    def act(env):
        return heuristic_actions(env.match.game, 0)[None]

    timesteps = finish(env, act)
    info = timesteps[-1].info["episode_info"]
    assert info["episode_length"] == 400 and info["ice_transferred"] > 1000 < info["ice_transferred_player_1"]
    factories = env.match.settings.max_factories
    for timestep in timesteps:
        reward = timestep.info["member_reward"][0]
        earned += reward[:factories].sum(), reward[factories:].sum()
    # 1.0 to 1.1 hundredths of a quarter of the ice: half for the receiver, half, and a tenth for mining, for the giver.
    share = info["ice_transferred"] * 0.01 / 4 / 2
    assert share <= earned[0] <= 1.1 * share
    mined = info["ice_mined"] * 0.1 * 0.01 / 4 / 2
    assert share + mined <= earned[1] <= 1.1 * (share + mined)


def test_illegal_actions_are_refused_and_leave_the_game_as_it_was():
    env = new_env(opponent="idle")
    observation = env.reset()
    assert env.match.game.legal[0, 0, BUILD_HEAVY]
    legal = first_legal(env)
    wrong = legal.copy()
    wrong[0, 0] = GIVE_ICE
    with pytest.raises(ValueError, match="slot 0 cannot take action 5"):
        env.step(wrong)
    for actions in (wrong[0], wrong.astype(float), np.full_like(wrong, ACTIONS), np.full_like(wrong, -1)):
        with pytest.raises(ValueError, match="action"):
            env.step(actions)
    assert env.match.game.view.step == 0
    # An empty slot's action is nobody's.
    legal[0, -1] = -5
    assert not observation["member_mask"][0, -1]
    env.step(legal)


def test_a_finished_episode_is_not_stepped_on():
    env = new_env(training_limit=2)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros((2, 14), int))
    env.reset()
    finish(env)
    with pytest.raises(RuntimeError, match="reset"):
        env.step(env.random_action())


def test_a_match_begins_with_a_seed():
    match = LuxMatch(new_env().cfg, is_test=False)
    assert match.stream_state() is None
    with pytest.raises(RuntimeError, match="seed the match"):
        match.reset()
    with pytest.raises(RuntimeError, match="seed the match"):
        match.set_stream_state(new_env().match.stream_state())


@pytest.mark.parametrize(
    ("cfg", "message"),
    [
        (dict(map_sise=3), "did you mean env.map_size"),
        (dict(opponent="nobody"), "env.opponent"),
        (dict(trajectories="pairs"), "env.trajectories"),
        (dict(plane_type="int8"), "env.plane_type"),
        (dict(min_factories=6), "env.max_factories"),
        (dict(bids=[0]), "env.bids"),
        (dict(opponent_checkpoint="x"), "opponent = 'checkpoint'"),
        (dict(engine_config=dict(map_size=3)), "env.map_size"),
        (dict(eval_metric="wins"), "eval_metric"),
    ],
)
def test_wrong_values_are_refused_before_anything_starts(cfg, message):
    with pytest.raises(ValueError, match=message):
        LuxEnv(cfg)


def test_water_is_for_lichen_alone():
    env = new_env(opponent="none", lichen=True, episode_limit=60, engine_config=dict(INIT_WATER_METAL_PER_FACTORY=600))
    observation = env.reset()
    assert observation["planes"].shape[1] == 19
    factories = env.match.settings.max_factories
    watered, water_earned = 0, 0.0

    def act(env):
        nonlocal watered
        actions = first_legal(env)
        may_water = env.match.game.legal[0, :factories, WATER]
        actions[0, :factories][may_water] = WATER
        watered += int(may_water.sum())
        return actions

    for timestep in finish(env, act):
        water_earned += timestep.info["member_reward"][0, :factories].sum()
    info = timestep.info["episode_info"]
    assert watered > 50 and info["lichen"] > 0 and info["ice_transferred"] == 0
    assert water_earned == 0, "factories were paid, or charged, for water that they spent"


def test_a_long_episode_leaks_nothing():
    env = new_env(2, opponent="none", training_limit=350)
    env.reset()
    for _ in range(150):
        env.step(heuristic(env))
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(50):
            env.step(heuristic(env))
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        finish(env, heuristic)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert env.match.game.view.step == 350
    assert after - before < 25_000


@pytest.mark.parametrize("manager", ["base", "subprocess"])
def test_managers_play_the_same_games(manager):
    cfg = EasyDict({**SMALL, "training_limit": 5, "collector_env_num": 2})
    makers = [partial(LuxEnv, each) for each in LuxEnv.create_collector_env_cfg(cfg)]
    defaults = get_env_manager_cls(EasyDict(type=manager)).default_config()
    envs = create_env_manager(EasyDict(defaults, type=manager), makers)
    envs.seed([7, 8], dynamic_seed=True)
    envs.launch()
    shown = {i: [obs["planes"]] for i, obs in envs.ready_obs.items()}
    alone = [new_env(seed, training_limit=5) for seed in (7, 8)]
    expected = {i: [env.reset()["planes"]] for i, env in enumerate(alone)}
    # The last step is left out: closing while DI-engine resets in the background ends in its pickling error.
    for _ in range(4):
        actions = {i: env.random_action() for i, env in enumerate(alone)}
        for i, env in enumerate(alone):
            expected[i].append(env.step(actions[i]).obs["planes"])
        for i, timestep in envs.step(actions).items():
            shown[int(i)].append(timestep.obs["planes"])
    envs.close()
    for i in range(2):
        assert all((a == b).all() for a, b in zip(shown[i], expected[i], strict=True))


@pytest.mark.parametrize("name", ["lux", "lux_entities"])
def test_options_of_a_reset_are_checked(name):
    env = make_env(name)
    with pytest.raises(ValueError, match=r"option of a reset must be one of \['map_seed'\], got 'replay'"):
        env.reset(options={"replay": None})
    with pytest.raises(TypeError, match="option map_seed of a reset must be int or None, got 'a'"):
        env.reset(options={"map_seed": "a"})
