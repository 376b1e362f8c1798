"""Code written for SMAC's class runs on `StarCraft2Env`: a runner as in PyMARL, with its configuration."""

import numpy as np
import pytest
from PIL import Image
from scene import Scene

from dizoo_ext.smac_multiarmy import StarCraft2Env

PYMARL_ARGS = dict(
    continuing_episode=False,
    difficulty="7",
    game_version=None,
    map_name="3m",
    move_amount=2,
    obs_all_health=True,
    obs_instead_of_state=False,
    obs_last_action=False,
    obs_own_health=True,
    obs_pathing_grid=False,
    obs_terrain_height=False,
    obs_timestep_number=False,
    reward_death_value=10,
    reward_defeat=0,
    reward_negative_scale=0.5,
    reward_only_positive=True,
    reward_scale=True,
    reward_scale_rate=20,
    reward_sparse=False,
    reward_win=200,
    replay_dir="",
    replay_prefix="",
    state_last_action=True,
    state_timestep_number=False,
    step_mul=8,
    seed=5,
    heuristic_ai=False,
    heuristic_rest=False,
    debug=False,
)


EAST = 4


class EpisodeRunner:
    """Fills arrays of a length and of widths that the environment has announced, as PyMARL's buffer does."""

    def __init__(self, **env_args):
        self.env = StarCraft2Env(**env_args)
        info = self.env.get_env_info()
        steps, agents = info["episode_limit"] + 1, info["n_agents"]
        self.state = np.zeros((steps, info["state_shape"]), np.float32)
        self.obs = np.zeros((steps, agents, info["obs_shape"]), np.float32)
        self.avail_actions = np.zeros((steps, agents, info["n_actions"]), int)
        self.stats = {}

    def look(self, t):
        self.state[t] = self.env.get_state()
        self.obs[t] = self.env.get_obs()
        self.avail_actions[t] = self.env.get_avail_actions()

    def run(self, choose):
        self.env.reset()
        t, terminated, episode_return = 0, False, 0.0
        while not terminated:
            self.look(t)
            reward, terminated, info = self.env.step(choose(self.avail_actions[t]))
            episode_return += reward
            is_terminal = terminated != info.get("episode_limit", False)
            t += 1
        self.look(t)
        self.stats = {key: self.stats.get(key, 0) + info.get(key, 0) for key in set(self.stats) | set(info)}
        return episode_return, t, is_terminal


def first_target(available):
    """Attack the first who is in range, else walk east, where the enemies come from."""
    return [row.index(1, 6) if 1 in row[6:] else EAST if row[EAST] else row.index(1) for row in available.tolist()]


def test_a_runner_as_in_pymarl():
    runner = EpisodeRunner(**PYMARL_ARGS)
    env, episodes = runner.env, 12
    returns, lengths, ends = zip(*(runner.run(first_target) for _ in range(episodes)), strict=True)
    stats = env.get_stats()
    assert stats["battles_game"] == episodes and stats["battles_won"] == runner.stats["battle_won"]
    assert 0 < stats["battles_won"] < episodes, "three Marines who focus their fire win some battles against three"
    assert max(lengths) <= 60 and all(ends)
    assert min(returns) > 0 and max(returns) == pytest.approx(20), "a won battle brings the scale"
    assert runner.state[: lengths[-1]].any(1).all()
    first = EpisodeRunner(**PYMARL_ARGS)
    again = [first.run(first_target) for _ in range(3)]
    assert again == list(zip(returns, lengths, ends, strict=True))[:3], "a seed decides everything"
    assert env.seed() == 5
    env.seed(5)
    assert runner.run(first_target) == again[0]
    assert StarCraft2Env("3m").seed() != StarCraft2Env("3m").seed()


@pytest.mark.parametrize("name", ["2s3z", "MMM2", "2m_vs_1z"])
def test_random_actions_on_other_maps(name):
    generator = np.random.default_rng(0)
    runner = EpisodeRunner(map_name=name, seed=1, obs_last_action=True, continuing_episode=True)

    def choose(available):
        return (available * generator.random(available.shape)).argmax(1)

    for _ in range(2):
        total, _, _ = runner.run(choose)
        assert total > 0
    assert np.isfinite(runner.obs).all() and np.abs(runner.obs).max() <= 1.2


def test_every_default_is_smac_s():
    own = {"engine", "sc2", "unit_profile", "window_size_x", "window_size_y"}
    defaults = StarCraft2Env.__init__.__kwdefaults__.keys()
    positional = StarCraft2Env.__init__.__code__.co_varnames[1 : StarCraft2Env.__init__.__code__.co_argcount]
    values = dict(zip(positional, StarCraft2Env.__init__.__defaults__, strict=True))
    assert set(values) - own == set(PYMARL_ARGS) and defaults <= own
    for key, value in PYMARL_ARGS.items():
        assert values[key] == value or key in ("map_name", "seed"), key


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (dict(map_name="corridor"), ValueError, "has Zerglings and walls, which the engines here lack"),
        (dict(map_name="2s3"), ValueError, "did you mean '2s3z'"),
        (dict(step_mul=4), ValueError, "step_mul must be 8 or None: a step here is 8 game loops, got 4"),
        (dict(move_amount=3), ValueError, "move_amount must be 2"),
        (dict(difficulty="11"), ValueError, "difficulty must be one of"),
        (dict(game_version="4.10"), ValueError, "game_version must be None with engine 'embedded'"),
        (dict(obs_terrain_height=True), ValueError, "obs_terrain_height must be False: there is no terrain here"),
        (dict(heuristic_ai=True), ValueError, "heuristic_ai must be False"),
        (dict(reward_sparse=1), TypeError, "reward_sparse must be True or False, got 1"),
        (dict(reward_win="much"), TypeError, "reward_win must be a number, got 'much'"),
        (dict(reward_scale_rate=0), ValueError, "reward_scale_rate"),
        (dict(reward_scale_rate=float("inf")), ValueError, "reward_scale_rate must be finite"),
        (dict(reward_win=float("nan")), ValueError, "reward_win must be finite, got nan"),
        (dict(engine="sc3"), ValueError, "engine must be one of"),
        (dict(unit_profile="hots"), ValueError, "unit_profile"),
        (dict(seed=-1), ValueError, "seed must be an integer"),
        (dict(difficult="7"), TypeError, "difficult"),
    ],
)
def test_refusals_say_why(arguments, error, message):
    with pytest.raises(error, match=message) as caught:
        StarCraft2Env(**arguments)
    assert "\n" not in str(caught.value)


def test_the_real_game_gets_its_version(monkeypatch):
    asked = []

    def game(**config):
        asked.append(config)
        return Scene()

    monkeypatch.setattr("dizoo_ext.smac_multiarmy.sc2.engine.StarCraftEngine", game)
    env = StarCraft2Env("3m", engine="sc2", game_version="4.10", sc2=dict(launch_attempts=1))
    assert len(env.reset()[0]) == 3
    assert [(config["game_version"], config["launch_attempts"]) for config in asked] == [("4.10", 1)]


def test_mistakes_in_a_step():
    env = StarCraft2Env("3m", seed=0)
    for call in (env.get_obs, env.get_state, env.get_avail_actions, env.save_replay, env.render, lambda: env.step([1])):
        with pytest.raises(RuntimeError, match=r"call reset\(\)"):
            call()
    env.reset()
    with pytest.raises(ValueError, match=r"agent 1 \(marine\) cannot take action 6 now, only \[1, 2, 3, 4, 5\]"):
        env.step([1, 6, 1])
    with pytest.raises(ValueError, match=r"agent 0 \(marine\) cannot take action -1"):
        env.step([-1, 1, 1])
    with pytest.raises(ValueError, match="needs 3 actions"):
        env.step([1, 1])
    env.step([1, 1, 1])


def test_a_replay_shows_the_episode(tmp_path):
    env = StarCraft2Env("3m", seed=2, replay_dir=str(tmp_path / "films"), replay_prefix="fight")
    for _ in range(2):
        env.reset()
        for _ in range(12):
            env.step(first_target(np.array(env.get_avail_actions())))
    shown = env.render()
    path = env.save_replay()
    assert path == tmp_path / "films" / "fight_0.gif"
    with Image.open(path) as film:
        film.seek(film.n_frames - 1)
        last = np.asarray(film.convert("RGB")).astype(int)
    assert np.abs(last - shown).mean() < 3, "the last picture is the present one"
    with pytest.raises(ValueError, match="rgb_array"):
        env.render("human")
    scene = StarCraft2Env("3m", engine=Scene)
    scene.reset()
    with pytest.raises(RuntimeError, match="only engine 'embedded' can do"):
        scene.save_replay()
