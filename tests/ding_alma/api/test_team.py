"""Trained teams, training and environments from Python."""

import copy
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from tiny_runs import tiny_config, write_untrained_run

import ding_alma
from ding_alma.api import training
from ding_alma.report.play import evaluate, load_run
from ding_alma.run.run_error import RunError

EPISODES = 3
DRAWS = ("copa", "mppo")
"""Policies that draw in evaluation, from one stream for all rows, as ALMA's proposals are: batches have other draws."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for policy in ("alma", "aqmix", "copa", "mppo", "coma", "qmix"):
        write_untrained_run(folder / policy, policy)
    write_untrained_run(folder / "recurrent", "aqmix", network=dict(agent="recurrent"))
    return folder


def play(team, env, seed):
    """Return of one episode, and its joint actions."""
    observation, _ = env.reset(seed=seed)
    team.reset()
    total, actions, is_over = 0.0, [], False
    while not is_over:
        actions.append(team.act(observation))
        observation, reward, terminated, truncated, _ = env.step(actions[-1])
        total += reward
        is_over = terminated or truncated
    return total, np.array(actions)


def test_a_team_says_who_it_is(runs):
    text = repr(ding_alma.load(runs / "alma"))
    assert text.startswith("<Team alma on save_the_city ") and text.endswith(" environment steps>")


@pytest.mark.parametrize("policy", ["alma", "aqmix", "recurrent", "copa", "mppo", "coma", "qmix"])
def test_a_team_plays_the_same_alone_in_a_batch_and_again(runs, policy):
    team = ding_alma.load(runs / policy, allocation="heuristic" if policy == "alma" else None)
    env = team.make_env()
    alone = [play(team, env, seed) for seed in range(EPISODES)]
    if policy not in DRAWS:
        again = play(team, env, 0)
        assert again[0] == alone[0][0] and np.array_equal(again[1], alone[0][1])
    envs = SyncVectorEnv([team.make_env] * EPISODES, autoreset_mode=AutoresetMode.SAME_STEP)
    observations, _ = envs.reset(seed=0)
    team.reset()
    for step in range(12):
        action = team.act(observations)
        assert action.shape == (EPISODES, 2) and action.dtype == np.int64
        if policy not in DRAWS:
            for row, (_, actions) in enumerate(alone):
                assert step >= len(actions) or np.array_equal(action[row], actions[step])
        observations, _, terminated, truncated, _ = envs.step(action)
        team.reset(np.flatnonzero(terminated | truncated))
        if (terminated | truncated).any():
            break
    assert step >= 3


def test_equal_seeds_draw_alike_and_reset_begins_a_decision(runs):
    first, second, other = (ding_alma.load(runs / "alma", seed=seed) for seed in (0, 0, 1))
    observation, _ = first.make_env().reset(seed=3)
    drawn = []
    for team in (first, second, other):
        allocations = []
        for _ in range(6):
            team.reset()
            team.act(observation)
            allocations.append(team.allocation)
        drawn.append(np.array(allocations))
    assert np.array_equal(drawn[0], drawn[1]) and drawn[0].shape == (6, 2)
    held = [first.act(observation) is not None and first.allocation for _ in range(2)]
    assert np.array_equal(held[0], held[1]), "an allocation is kept until the next decision is due"


def test_what_happens_between_two_steps_does_not_disturb_a_team(runs):
    team = ding_alma.load(runs / "alma")
    undisturbed = play(team, team.make_env(), 0)[1]
    team = ding_alma.load(runs / "alma")
    env = team.make_env()
    observation, _ = env.reset(seed=0)
    team.reset()
    for expected in undisturbed:
        action = team.act(observation)
        assert np.array_equal(action, expected)
        team.evaluate(1, seed=5)
        observation = env.step(action)[0]


def test_evaluate_is_the_command(runs):
    metrics = ding_alma.load(runs / "aqmix").evaluate(4, seed=7)
    played = evaluate(load_run(runs / "aqmix"), 4, 7)
    assert metrics["return"].tolist() == [episode["return"] for episode in played]
    assert {"solved", "episode_length"} <= metrics.keys()


def test_other_scenarios_and_allocations(runs):
    team = ding_alma.load(runs / "aqmix", scenario=dict(agents="BFGG", buildings=6))
    assert play(team, team.make_env(), 0)[1].shape[1] == 4
    ruled = ding_alma.load(runs / "alma", allocation="heuristic")
    observation, _ = ruled.make_env().reset(seed=0)
    ruled.act(observation)
    assert np.array_equal(ruled.allocation, observation["heuristic_allocation"])
    assert ding_alma.load(runs / "mppo").allocation is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda seen: seen.pop("entities"), r"lacks \['entities'\]"),
        (
            lambda seen: seen.update(obs_mask=seen["obs_mask"][:1]),
            r"observation\['obs_mask'\] must have shape \(2, 5\)",
        ),
        (
            lambda seen: seen.update({key: np.repeat(value[None], 257, 0) for key, value in seen.items()}),
            "1 to 256 observations, got 257",
        ),
        (lambda seen: seen.update({key: value[None][:0] for key, value in seen.items()}), "observations, got 0"),
    ],
)
def test_wrong_observations_are_named(runs, change, message):
    team = ding_alma.load(runs / "aqmix")
    observation, _ = team.make_env().reset(seed=0)
    change(observation)
    with pytest.raises(ValueError, match=message):
        team.act(observation)


def test_a_film_is_a_gif(runs, tmp_path):
    team = ding_alma.load(runs / "alma")
    assert team.film(tmp_path / "films" / "city.gif").read_bytes()[:3] == b"GIF"
    with pytest.raises(RunError, match=r"must end with \.gif or \.mp4, got"):
        team.film(tmp_path / "city.avi")


def test_training_resuming_and_loading(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pair = tiny_config("aqmix")
    before = copy.deepcopy(pair)
    run = ding_alma.train(pair, seed=3, env_step=40, changes={"policy.learn.batch_size": 2}, output="runs")
    assert run == Path("runs/seed3") and pair == before
    assert ding_alma.load(run).config.policy.learn.batch_size == 2
    assert ding_alma.resume(run, env_step=100) == run
    assert ding_alma.resume(run, env_step=100) == run, "there is nothing left to do"
    with pytest.raises(RunError, match="is there already"):
        ding_alma.train(pair, seed=3, output="runs")
    with pytest.raises(RunError, match=r"unknown config key policy.learn.batch_sizes; did you mean"):
        ding_alma.train(pair, changes={"policy.learn.batch_sizes": 2})
    with pytest.raises(RunError, match="there is no run elsewhere"):
        ding_alma.resume("elsewhere")


def test_an_interrupted_training_says_how_to_go_on(monkeypatch):
    def interrupt(job):
        raise SystemExit(130)

    monkeypatch.setattr(training.training, "train", interrupt)
    with pytest.raises(KeyboardInterrupt, match=r"ding_alma.resume\('runs/seed0'\)"):
        ding_alma.train(tiny_config("aqmix"), output="runs")


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("save_the_city", dict(scenario=["BF"], illegal_action="noop", episode_limit=20)),
        ("smac_multiarmy", dict(scenario="3m", illegal_action="noop", episode_limit=20)),
        ("group_matching", dict()),
    ],
)
def test_environments_are_gymnasiums(name, config):
    env = ding_alma.make_env(name, **config)
    assert isinstance(env, gymnasium.Env) and env.render is not None
    if "illegal_action" in config:
        # It plays whatever the action space has.
        check_env(env, skip_render_check=True)
    observation, _ = env.reset(seed=0)
    same, _ = env.reset(seed=0)
    assert all(np.array_equal(observation[key], same[key]) for key in same)
    assert env.observation_space.contains(observation)
    for _ in range(200):
        observation, reward, terminated, truncated, info = env.step(env.random_action())
        assert isinstance(reward, float) and env.observation_space.contains(observation)
        if terminated or truncated:
            break
    assert "episode_info" in info
    assert env.render().shape[2] == 3
    with pytest.raises(RuntimeError, match="reset"):
        env.step(np.zeros(env.action_space.shape, int))


def test_only_a_time_limit_truncates():
    env = ding_alma.make_env("save_the_city", scenario=["BF"], episode_limit=2)
    env.reset(seed=0)
    env.step(np.zeros(2, int))
    assert env.step(np.zeros(2, int))[2:4] == (False, True)


@pytest.mark.parametrize(
    ("name", "config", "error", "message"),
    [
        ("save_the_cty", {}, ValueError, "did you mean 'save_the_city'"),
        ("save_the_city", dict(scenarios=["BF"]), ValueError, "did you mean env.scenario"),
        ("save_the_city", dict(episode_limit="x"), TypeError, "env.episode_limit must be of type int"),
    ],
)
def test_environments_refuse_mistakes(name, config, error, message):
    with pytest.raises(error, match=message):
        ding_alma.make_env(name, **config)


def test_the_package_has_no_other_names():
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        ding_alma.laod  # noqa: B018
