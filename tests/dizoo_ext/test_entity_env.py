import random
from pathlib import Path

import numpy as np
import pytest
import torch
from ding.envs.env.env_implementation_check import check_all, demonstrate_correct_procedure
from ding.torch_utils import to_tensor
from ding.utils import ENV_REGISTRY
from easydict import EasyDict
from PIL import Image, ImageSequence
from toy_env import AGENTS, SITES, ToyEnv

import dizoo_ext.plugin  # noqa: F401
from dizoo_ext.contract import ENTITY_KEYS, FLAT_KEYS
from dizoo_ext.episode_gif import FRAMES_PER_SECOND


class AlwaysLegal(ToyEnv):
    """DI-engine's check repeats one joint action for ever; replace what has become illegal."""

    def step(self, action):
        mask = self._action_mask
        allowed = mask[np.arange(AGENTS), action] > 0
        return super().step(np.where(allowed, action, mask.argmax(axis=1)))


def play(env, episodes=3):
    """Every number that random play of a few episodes hands out."""
    trace = []
    for _ in range(episodes):
        trace.append(env.reset())
        done = False
        while not done:
            obs, reward, done, info = env.step(env.random_action())
            trace.append({**obs, "reward": reward, **{key: np.array(info[key]) for key in ("subtask_done",)}})
    return trace


def equal(left, right):
    return len(left) == len(right) and all(
        a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)
        for a, b in zip(left, right, strict=True)
    )


def shown_frames(path):
    """Frames of a GIF, where equal neighbours may be stored as one longer frame."""
    durations = [frame.info["duration"] for frame in ImageSequence.Iterator(Image.open(path))]
    return sum(durations) * FRAMES_PER_SECOND / 1000


def test_ding_implementation_check_passes():
    env = AlwaysLegal()
    env.seed(0)
    check_all(env)
    demonstrate_correct_procedure(ToyEnv)


def test_spaces_are_there_before_the_first_reset_and_describe_the_observation():
    env = ToyEnv()
    space = env.observation_space
    obs = env.reset()
    assert set(space.keys()) == set(obs) == {*ENTITY_KEYS, *FLAT_KEYS}
    assert all(space[key].contains(value) for key, value in obs.items())
    assert env.action_space.shape == (AGENTS,)
    assert env.reward_space.shape == (1,)


@pytest.mark.parametrize(
    ("choice", "keys"), [("entities", ENTITY_KEYS), ("flat", ("action_mask", *FLAT_KEYS))], ids=["entities", "flat"]
)
def test_observation_option_selects_keys(choice, keys):
    env = ToyEnv({"observation": choice})
    assert set(env.reset()) == set(keys) == set(env.observation_space.keys())


def test_timestep_survives_the_evaluators_conversion():
    env = ToyEnv()
    env.seed(1)
    env.reset()
    done = False
    total = 0.0
    while not done:
        timestep = env.step(env.random_action())
        assert type(timestep.done) is bool
        assert timestep.reward.shape == (1,) and timestep.reward.dtype == np.float32
        assert timestep.info["subtask_reward"].shape == (SITES,)
        assert timestep.info["subtask_reward"].dtype == np.float32
        assert timestep.info["subtask_reward"].sum() == timestep.reward[0]
        assert timestep.info["subtask_done"].dtype == np.bool_
        assert type(timestep.info["subtasks_changed"]) is bool and type(timestep.info["time_limit"]) is bool
        converted = to_tensor(timestep, dtype=torch.float32)
        assert torch.equal(converted.obs["entities"], torch.as_tensor(timestep.obs["entities"]))
        assert converted.info["subtask_done"].dtype == torch.float32
        total += timestep.reward[0]
        done = timestep.done
    assert timestep.info["eval_episode_return"] == timestep.info["episode_info"]["return"] == total
    assert all(type(value) is float for value in timestep.info["episode_info"].values())


def test_eval_metric_selects_the_reported_number():
    env = ToyEnv({"eval_metric": "length"})
    env.seed(3)
    env.reset()
    steps, done = 0, False
    while not done:
        timestep = env.step(env.random_action())
        steps, done = steps + 1, timestep.done
    assert timestep.info["eval_episode_return"] == steps


@pytest.mark.parametrize("name", ["save_the_city", "smac_multiarmy", "group_matching", "lbf", "rware", "lux_entities"])
def test_an_unknown_eval_metric_is_refused_before_anything_is_played(name):
    if name in ("lbf", "rware"):
        pytest.importorskip("lbforaging" if name == "lbf" else "rware", reason="an extra")
    env = ENV_REGISTRY.get(name)
    with pytest.raises(ValueError, match=r"env\.eval_metric must be one of .*return.*got 'sovled'"):
        env({"eval_metric": "sovled"})


@pytest.mark.parametrize("name", ["save_the_city", "smac_multiarmy", "group_matching", "lbf", "rware", "lux_entities"])
def test_metrics_that_are_announced_are_those_of_an_episode(name):
    if name in ("lbf", "rware"):
        pytest.importorskip("lbforaging" if name == "lbf" else "rware", reason="an extra")
    env = ENV_REGISTRY.get(name)({"training_limit": 2} if name == "lux_entities" else {"episode_limit": 2})
    env.seed(0)
    env.reset()
    done = False
    while not done:
        timestep = env.step(env.random_action())
        done = timestep.done
    assert set(timestep.info["episode_info"]) == set(env._vector_env.metrics)


def test_unknown_eval_metric_names_the_valid_ones():
    env = ToyEnv({"eval_metric": "sovled"})
    env.reset()
    with pytest.raises(ValueError, match=r"eval_metric must be one of .*'solved'.*got 'sovled'"):
        while True:
            env.step(env.random_action())


def test_equal_seeds_repeat_and_resets_do_not_reseed():
    first, second, other = ToyEnv(), ToyEnv(), ToyEnv()
    first.seed(5, dynamic_seed=True)
    second.seed(5, dynamic_seed=False)
    other.seed(6)
    trace = play(first)
    assert equal(trace, play(second))
    assert not equal(trace, play(other))
    starts = [first.reset()["entities"] for _ in range(8)]
    assert any(not np.array_equal(starts[0], start) for start in starts)


def test_training_and_test_streams_of_one_seed_differ():
    traces = []
    for is_test in (False, True):
        env = ToyEnv({"is_test": is_test})
        env.seed(5)
        traces.append(np.stack([env.reset()["entities"] for _ in range(8)]))
    assert not np.array_equal(*traces)


def test_unseeded_environments_differ():
    starts = [np.stack([env.reset()["entities"] for _ in range(8)]) for env in (ToyEnv(), ToyEnv())]
    assert not np.array_equal(*starts)


def test_global_generators_stay_untouched():
    np.random.seed(0)
    random.seed(0)
    torch.manual_seed(0)
    before = (np.random.get_state()[1].copy(), random.getstate(), torch.get_rng_state())
    env = ToyEnv()
    env.seed(7)
    play(env)
    assert np.array_equal(before[0], np.random.get_state()[1])
    assert before[1] == random.getstate()
    assert torch.equal(before[2], torch.get_rng_state())


def test_random_actions_do_not_disturb_the_environments_stream():
    starts = []
    for draws in (0, 5):
        env = ToyEnv()
        env.seed(8)
        env.reset()
        for _ in range(draws):
            env.random_action()
        starts.append(env.reset()["entities"])
    assert np.array_equal(*starts)


def test_random_actions_are_legal_and_cover_all_legal_ones():
    env = ToyEnv()
    env.seed(0)
    mask = env.reset()["action_mask"]
    chosen = np.zeros_like(mask)
    for _ in range(200):
        chosen[np.arange(AGENTS), env.random_action()] = 1
    assert np.array_equal(chosen, mask)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None, True])
def test_impossible_seeds_are_refused(seed):
    with pytest.raises(ValueError, match="seed must be an integer"):
        ToyEnv().seed(seed)


@pytest.mark.parametrize("action", [np.full(AGENTS, 0.0), np.zeros(AGENTS + 1, int), np.full(AGENTS, -1)])
def test_malformed_actions_are_refused(action):
    env = ToyEnv()
    env.seed(0)
    env.reset()
    with pytest.raises(ValueError):
        env.step(action)


def test_step_after_the_end_is_refused():
    env = ToyEnv({"episode_limit": 1})
    env.reset()
    env.step(env.random_action())
    with pytest.raises(RuntimeError):
        env.step(env.random_action())


def test_random_action_and_drawing_need_a_reset():
    env = ToyEnv()
    with pytest.raises(RuntimeError, match="reset"):
        env.random_action()
    assert not hasattr(env, "_env")


def test_configuration_is_merged_over_the_defaults():
    env = ToyEnv(EasyDict(episode_limit=5, manager=dict(type="base"), stop_value=1, n_evaluator_episode=2))
    assert env.cfg == dict(
        eval_metric="return", is_test=False, observation="both", episode_limit=5, options=dict(depth=1)
    )
    assert ToyEnv.default_config().cfg_type == "ToyEnvDict"


def test_default_config_is_a_fresh_copy():
    ToyEnv.default_config().options.depth = 9
    assert ToyEnv.default_config().options.depth == 1


@pytest.mark.parametrize(
    ("cfg", "error", "message"),
    [
        ({"episode_limt": 5}, ValueError, "did you mean env.episode_limit"),
        ({"options": {"dept": 5}}, ValueError, "did you mean env.options.depth"),
        ({"episode_limit": "5"}, TypeError, "env.episode_limit must be of type int"),
        ({"episode_limit": 0}, ValueError, "env.episode_limit must lie in"),
        ({"observation": "flatt"}, ValueError, "did you mean 'flat'"),
    ],
)
def test_configuration_mistakes_are_refused_at_construction(cfg, error, message):
    with pytest.raises(error, match=message):
        ToyEnv(cfg)


def test_environment_configurations_are_separate_copies_with_their_purpose():
    cfg = EasyDict(collector_env_num=2, evaluator_env_num=3, options=dict(depth=2))
    collector, evaluator = ToyEnv.create_collector_env_cfg(cfg), ToyEnv.create_evaluator_env_cfg(cfg)
    assert [c.is_test for c in collector] == [False] * 2
    assert [c.is_test for c in evaluator] == [True] * 3
    collector[0].options.depth = 7
    assert collector[1].options.depth == cfg.options.depth == 2
    assert cfg.collector_env_num == 2


def test_missing_environment_count_is_named():
    with pytest.raises(ValueError, match=r"env\.collector_env_num is missing"):
        ToyEnv.create_collector_env_cfg(EasyDict())


def test_replay_writes_one_gif_per_finished_episode(tmp_path):
    env = ToyEnv({"episode_limit": 4})
    env.seed(2)
    env.enable_save_replay(str(tmp_path / "films"))
    lengths = []
    for _ in range(2):
        env.reset()
        steps, done = 0, False
        while not done:
            done = env.step(env.random_action()).done
            steps += 1
        lengths.append(steps)
    env.reset()
    films = sorted(Path(tmp_path / "films").iterdir())
    assert [film.name for film in films] == ["ToyEnv_seed2_episode0.gif", "ToyEnv_seed2_episode1.gif"]
    assert [shown_frames(film) for film in films] == [length + 1 for length in lengths]


def test_render_returns_an_image_and_refuses_other_modes():
    env = ToyEnv()
    env.reset()
    image = env.render("rgb_array")
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    with pytest.raises(ValueError, match="render mode"):
        env.render("human")
