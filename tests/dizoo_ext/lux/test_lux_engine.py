"""The engine as we start it: noise, silence, shortcuts."""

import subprocess
import sys

import numpy as np
import pytest
from fresh_import import run_fresh
from lux_stage import new_game, random_actions
from noise import snoise2 as noise_at
from recorded_match import BOARDS, board_hash

from dizoo_ext.lux import engine
from dizoo_ext.lux.engine import engine_module, new_engine
from dizoo_ext.lux.noise_shim import snoise2
from dizoo_ext.lux.settings import PLAYERS


def test_noise_is_single_precision_and_handed_out_afresh():
    x, y = np.linspace(0, 1, 5), np.linspace(100, 101, 4)[:, None]
    values = snoise2(x, y, octaves=3)
    assert values.shape == (4, 5) and values.dtype == np.float32
    expected = noise_at(float(np.float32(x[2])), float(np.float32(y[1, 0])), octaves=3)
    assert values[1, 2] == np.float32(expected)
    values[:] = 7
    assert (snoise2(x, y, octaves=3) != 7).all()
    assert (snoise2(x, y, octaves=2) != snoise2(x, y, octaves=3)).any()


def run(script):
    return subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)


def test_a_real_vec_noise_is_used_and_the_import_is_silent(tmp_path):
    (tmp_path / "vec_noise.py").write_text("snoise2 = 'real'\n")
    result = run(
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from dizoo_ext.lux.engine import engine_module\n"
        "print('begin')\n"
        "engine_module()\n"
        "print('end')\n"
        "print(sys.modules['luxai_s2.map_generator.symnoise'].snoise2)\n"
    )
    assert result.stdout.split("begin\n")[1] == "end\nreal\n"


def test_without_the_engine_everything_else_works_and_the_message_names_the_extra(monkeypatch):
    from dizoo_ext.lux import LuxEnv

    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(engine, "engine_module", engine_module.__wrapped__)
    monkeypatch.setattr(engine, "_fast_engine", engine._fast_engine.__wrapped__)
    assert not engine.is_installed()
    env = LuxEnv({})
    env.seed(0)
    with pytest.raises(ModuleNotFoundError, match="--extra lux"):
        env.reset()


@pytest.mark.parametrize("seed", [0, 1])
def test_without_lichen_the_game_is_the_same(seed):
    """The engine as it comes, against ours with its shortcuts."""
    game, generator = new_game(seed, max_factories=1), np.random.default_rng(seed)
    cfg = dict(map_size=24, MIN_FACTORIES=1, MAX_FACTORIES=1, validate_action_space=True, verbose=0)
    plain = engine_module().LuxAI_S2(collect_stats=True, **cfg)
    plain.reset(seed=game.map_seed)
    plain.step({p: {"faction": f, "bid": 0} for p, f in zip(PLAYERS, ("AlphaStrike", "MotherMars"), strict=True)})
    for player in PLAYERS:
        (factory,) = game.engine.state.factories[player].values()
        plain.step({player: {"spawn": factory.pos.pos, "metal": 150, "water": 150}})
    while not game.is_over:
        actions = random_actions(game, generator)
        orders = {p: {k: np.array(v) for k, v in o.items()} for p, o in game.orders(actions).items()}
        game.step(actions)
        observation, reward, *_ = plain.step(orders)
        assert list(reward.values()) == game.engine_reward.tolist()
        board = observation["player_0"]["board"]
        assert all(board_hash(board[name]) == board_hash(getattr(game.engine.state.board, name)) for name in BOARDS)
        for player in PLAYERS:
            units = {k: u.state_dict() for k, u in game.engine.state.units[player].items()}
            np.testing.assert_equal(observation["player_0"]["units"][player], units)
    assert plain.state.stats == game.engine.state.stats


def test_the_global_random_stream_is_neither_read_nor_written():
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    first = new_game(4)
    np.random.seed(99)
    second = new_game(4)
    assert first.map_seed == second.map_seed and (first.view.rubble == second.view.rubble).all()
    np.random.seed(3)
    new_game(4, placement="random")
    assert (np.random.get_state()[1] == before).all()


def test_statistics_are_counted_and_nothing_is_validated():
    built = new_engine(map_size=24)
    assert built.collect_stats and not built.env_cfg.validate_action_space and built.env_cfg.verbose == 0


def test_pipelines_import_the_engine_before_they_fork():
    told = run_fresh(
        "import sys\n"
        "from easydict import EasyDict\n"
        "from dizoo_ext.lux import LuxEnv\n"
        "env = LuxEnv({})\n"
        "print('luxai_s2' in sys.modules)\n"
        "LuxEnv.create_evaluator_env_cfg(EasyDict(evaluator_env_num=1))\n"
        "print('luxai_s2' in sys.modules)\n",
        "luxai_s2",
    )
    assert told.split()[-2:] == ["False", "True"]
