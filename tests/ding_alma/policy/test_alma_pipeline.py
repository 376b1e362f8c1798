"""ALMA through DI-engine's pipelines: managers, buffers, swap, checkpoints, evaluation, reproducibility."""

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch
from ding.entry import eval as ding_eval
from driven_policy import Driven
from tiny_runs import collect, last_checkpoint, tiny_config, train


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """The policy that a run of the tiny config ends with, and a folder with its ``run``; not to be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("tiny"))
        return train(*tiny_config()), Path.cwd()


def flat(state: dict) -> torch.Tensor:
    return torch.cat([value.double().flatten() for value in state.values()])


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tiny_run):
    main, create = tiny_config()
    again, other = (flat(train(main, create, seed)._model.state_dict()) for seed in (0, 4))
    first = flat(tiny_run[0]._model.state_dict())
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def outcome(policy, folder):
    """Weights and evaluated returns of a run."""
    record = json.loads((folder / "run" / "evaluations.json").read_text())
    return flat(policy._model.state_dict()), [e["metrics"]["return_mean"] for e in record["evaluations"]]


def assert_equal_outcomes(one, other):
    assert torch.equal(one[0], other[0])
    assert one[1] == other[1]


def test_the_base_manager_gives_the_same_training(tiny_run, tmp_path):
    assert_equal_outcomes(outcome(*tiny_run), outcome(train(*tiny_config(manager="base")), tmp_path))


def test_an_environment_in_a_process_gives_the_same_training(tmp_path, monkeypatch):
    """With one: how many of several are ready at a time depends on their processes."""
    outcomes = []
    for name in ("vector", "subprocess"):
        main, create = tiny_config(manager=name)
        main.env.update(collector_env_num=1, evaluator_env_num=1, n_evaluator_episode=1)
        if name == "subprocess":
            main.env.manager = dict(shared_memory=False, reset_timeout=60, connect_timeout=120)
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        outcomes.append(outcome(train(main, create), tmp_path / name))
    assert_equal_outcomes(*outcomes)


def test_the_list_based_buffer_of_ding_engine_works():
    main, create = tiny_config(buffer="naive")
    # Its reports would come after the test, in whatever folder is then the current one.
    main.policy.other.replay_buffer.periodic_thruput_seconds = 10**6
    policy = train(main, create)
    assert policy._updates == {"value_network": 4, "allocator": 4}


@pytest.mark.parametrize("manager", ["base", "vector"])
def test_swapping_the_policy_is_one_word(manager):
    main, create = tiny_config(policy="coma", manager=manager)
    trained = train(main, create, iterations=2)
    assert all(torch.isfinite(value).all() for value in trained._model.state_dict().values())


@pytest.mark.parametrize(("steps", "share"), [(0, 1.0), (1, 0.1), (10**9, 1.0)])
def test_learning_rates_fall_to_a_tenth(steps, share):
    main, create = tiny_config()
    main.policy.learn.update(anneal_steps=steps, learning_rate=1e-3)
    main.policy.allocation.learning_rate = 2e-3
    optimisers = train(main, create, iterations=2)._optimisers
    rates = {name: each.state_dict()["param_groups"][0]["lr"] for name, each in optimisers.items()}
    expected = {"value_network": 1e-3 * share, "critic": 2e-3 * share, "proposal": 2e-3 * share}
    assert rates == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("source", ["heuristic", "random"])
def test_allocations_by_rule_train_the_agents_alone(source):
    main, create = tiny_config()
    main.policy.allocation.source = source
    policy = train(main, create)
    assert policy._model.allocator is None
    assert policy._updates == {"value_network": 4, "allocator": 0}


def advised_episodes(guidance: float) -> list[bool]:
    """Whether the environment's rule made every decision of an episode, of 16 collected ones."""
    main, create = tiny_config()
    main.policy.allocation.update(period=1, guidance=dict(start=guidance, end=guidance))
    driven = Driven(main, create)
    setting = driven.policy.command_mode.get_setting_collect({"envstep": 0})
    assert setting["guidance"] == guidance
    advised = []
    for _ in range(16):
        alike: list[bool] = []
        driven._play(
            driven.policy.collect_mode,
            setting,
            lambda obs, output, timestep, alike=alike: alike.append(
                (torch.as_tensor(obs["heuristic_allocation"]) == output["allocation"]).all().item()
            ),
        )
        assert len(alike) > 3
        advised.append(all(alike))
    return advised


def test_guided_episodes_follow_the_rule_from_beginning_to_end():
    assert not any(advised_episodes(0.0))
    assert all(advised_episodes(1.0))
    assert 2 <= sum(advised_episodes(0.5)) <= 14


def test_learning_continues_from_a_checkpoint_as_if_it_had_not_stopped():
    main, create = tiny_config()
    policy = train(main, create)
    batch = policy._train_data(collect(policy, main))
    state = copy.deepcopy(policy._state_dict_learn())
    policy._forward_learn(batch)
    continued = flat(policy._model.state_dict())

    other = train(main, create, seed=9)
    other._load_state_dict_learn(state)
    other._forward_learn(batch)
    assert torch.equal(continued, flat(other._model.state_dict()))
    assert torch.equal(flat(policy._target.state_dict()), flat(other._target.state_dict()))


def test_a_run_resumes_with_its_counters(tiny_run, tmp_path):
    main, create = tiny_config()
    shutil.copytree(tiny_run[1] / "run", "run")
    before = last_checkpoint(tmp_path / "run")
    main.policy.learn.resume_training = True
    main.policy.learn.learner.hook.load_ckpt_before_run = str(tmp_path / "run" / "ckpt" / "ckpt_last.pth.tar")
    policy = train(main, create, iterations=8)
    after = last_checkpoint(tmp_path / "run")
    assert after["last_iter"] >= 8 and after["last_step"] > before["last_step"]
    assert policy._updates["value_network"] == after["last_iter"]


def test_ding_evaluates_a_checkpoint(tiny_run):
    main, create = tiny_config()
    value = ding_eval(
        (copy.deepcopy(main), copy.deepcopy(create)),
        seed=0,
        load_path=str(tiny_run[1] / "run" / "ckpt" / "ckpt_best.pth.tar"),
    )
    assert value is not None


def test_monitored_values_are_floats_and_complete():
    main, create = tiny_config()
    policy = train(main, create)
    values = policy._forward_learn(collect(policy, main))
    assert set(values) == set(policy._monitor_vars_learn())
    assert all(type(value) is float for value in values.values())
    assert values["q_loss"] == values["q_loss"] and values["alloc_q_loss"] == values["alloc_q_loss"]


@pytest.mark.parametrize(
    ("path", "value", "error", "message"),
    [
        ("policy.allocation.perod", 5, ValueError, "policy.allocation.perod; did you mean policy.allocation.period"),
        ("policy.allocaton", {}, ValueError, "did you mean policy.allocation"),
        ("policy.learn.gamma", 0.9, ValueError, "policy.learn.gamma"),
        ("policy.network.attention_dim", "64", TypeError, "must be of type int"),
        ("policy.network.attention_dim", 9, ValueError, "attention_heads = 2 must divide"),
        ("policy.allocation.proposal_dim", 9, ValueError, "must divide policy.allocation.proposal_dim = 9"),
        ("policy.allocation.dim", 9, ValueError, "must divide policy.allocation.dim = 9"),
        ("policy.allocation.proposals", 1, ValueError, "proposals must lie in"),
        ("policy.allocation.source", "learnt", ValueError, "did you mean 'learned'"),
        ("policy.entity.features", 57, ValueError, "obs_shape"),
        ("policy.entity.coordinates", [57, 58], ValueError, r"coordinates = \[57, 58\] must lie in 0..57"),
        ("policy.entity.coordinates", ["x"], TypeError, "must be a list of features' numbers"),
        (
            "policy.other.replay_buffer.sequence_lenght",
            9,
            ValueError,
            "did you mean policy.other.replay_buffer.sequence_length",
        ),
        ("env.scenario", "2-5a_2-5c", ValueError, "2-5a_2-5b"),
        ("env.episod_limit", 5, ValueError, "episode_limit"),
    ],
)
def test_config_mistakes_are_refused_at_the_start(path, value, error, message):
    main, create = tiny_config()
    *blocks, key = path.split(".")
    block = main
    for name in blocks:
        block = block[name]
    block[key] = value
    with pytest.raises(error, match=message):
        train(main, create)
