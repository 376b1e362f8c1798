"""DI-engine's own pipeline, collector, evaluator and COMA run on an environment of this package."""

import pickle
from pathlib import Path

import pytest
import torch
from ding.entry import serial_pipeline
from easydict import EasyDict
from toy_env import ToyEnv


def configuration(manager):
    spec = ToyEnv({"observation": "flat"}).entity_spec
    main = EasyDict(
        exp_name="run",
        env=dict(
            collector_env_num=2,
            evaluator_env_num=3,
            n_evaluator_episode=3,
            stop_value=1e9,
            observation="flat",
            eval_metric="solved",
        ),
        policy=dict(
            cuda=False,
            model=dict(
                agent_num=spec.agents,
                obs_shape=dict(agent_state=spec.agent_state_size, global_state=spec.global_state_size),
                action_shape=spec.actions,
                actor_hidden_size_list=[16],
            ),
            learn=dict(update_per_collect=1, batch_size=4),
            collect=dict(n_episode=4, unroll_len=4, env_num=2),
            eval=dict(env_num=3, evaluator=dict(eval_freq=1)),
            other=dict(
                eps=dict(type="linear", start=1, end=0.05, decay=1000),
                # The buffer's reports would come after the test, in whatever folder is then the current one.
                replay_buffer=dict(replay_buffer_size=100, periodic_thruput_seconds=10**6),
            ),
        ),
    )
    create = EasyDict(
        env=dict(type="toy", import_names=["toy_env"]),
        env_manager=dict(type=manager, import_names=["dizoo_ext.plugin"]),
        policy=dict(type="coma"),
        collector=dict(type="episode", get_train_sample=True),
        replay_buffer=dict(type="naive"),
    )
    return main, create


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Manager -> weights and evaluation result after two updates."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for manager in ("base", "vector"):
            patch.chdir(tmp_path_factory.mktemp(manager))
            policy = serial_pipeline(configuration(manager), seed=3, max_train_iter=2)
            result = pickle.loads(Path("run/result.pkl").read_bytes())
            found[manager] = (policy.learn_mode.state_dict()["model"], result["eval_value"])
    torch.set_num_threads(threads)
    return found


def test_builtin_coma_trains_equally_with_both_managers(weights):
    (base, base_value), (vector, vector_value) = weights["base"], weights["vector"]
    assert all(torch.equal(base[name], vector[name]) for name in base)
    assert base_value == vector_value


def test_evaluator_reports_the_chosen_metric(weights):
    assert 0 <= weights["vector"][1] <= 1, "a mean of 'solved' cannot leave [0, 1], a mean return does"
