"""Policies train on Lux through DI-engine's pipelines, and play against their own checkpoints."""

import copy
import math

import numpy as np
import pytest
from ding.entry import serial_pipeline_onpolicy
from tiny_runs import read_config, tiny_config, train

from ding_alma.policy.mppo import MppoPolicy
from ding_alma.report.play import film, load_run
from dizoo_ext.lux import LuxEnv


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def tiny_maps():
    main, create = read_config("small/lux_mppo_config.py")
    main.exp_name = "run"
    main.env.update(collector_env_num=2, evaluator_env_num=2, n_evaluator_episode=2, episode_limit=12)
    main.env.update(training_limit=8, max_units=5, opponent="self")
    main.policy.model.agent_num = 6
    main.policy.map.update(width=8, squeezed=2)
    main.policy.ppo.update(epochs=1, minibatch_steps=16)
    main.policy.collect.update(n_episode=2, env_num=2)
    main.policy.eval.env_num = 2
    create.env_manager.type = "base"
    main.env.manager = {}
    return main, create


@pytest.mark.parametrize("actor", ["flat", "lux_stages"])
def test_masked_ppo_trains_on_maps_and_meets_its_checkpoint(actor, tmp_path):
    main, create = tiny_maps()
    main.policy.map.actor = actor
    policy = serial_pipeline_onpolicy((copy.deepcopy(main), copy.deepcopy(create)), seed=0, max_train_iter=3)
    assert policy._version > 0 and np.isfinite(list(policy._last_metrics.values())).all()
    cfg = {key: main.env[key] for key in ("map_size", "min_factories", "max_factories", "max_units", "episode_limit")}
    checkpoint = str(tmp_path / "run" / "ckpt" / "ckpt_last.pth.tar")
    games = []
    for _ in range(2):
        env = LuxEnv(cfg | dict(opponent="checkpoint", opponent_checkpoint=checkpoint))
        env.seed(1)
        observations = [env.reset()["planes"]]
        observations += [env.step(env.random_action()).obs["planes"] for _ in range(10)]
        games.append(np.stack(observations))
    assert (games[0] == games[1]).all(), "equal seeds gave another game"
    assert games[0][-1, 0, 17].sum() > games[0][0, 0, 17].sum(), "the opponent has built nothing"
    (episode,) = film(load_run(tmp_path / "run"), episodes=1, seed=0)
    assert len(episode.frames) == 13 and episode.metrics["episode_length"] == 12


def test_a_checkpoint_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="no checkpoint 'nowhere'"):
        LuxEnv(dict(opponent="checkpoint", opponent_checkpoint="nowhere"))


@pytest.mark.parametrize("policy", ["alma", "coma", "mppo"])
def test_policies_of_the_entity_contract_train(policy):
    main, create = tiny_config(policy, config="small/lux_alma")
    main.env.manager = {}
    trained = train(main, create, iterations=2)
    assert trained is not None


def test_every_update_of_the_thesis_is_followed_by_an_evaluation_and_leaves_a_checkpoint():
    """Teams that hand over no ice live for 151 steps: the shortest collection."""
    main, _ = read_config("lux_mppo_config.py")
    ppo = MppoPolicy.config["ppo"] | main.policy.ppo
    minibatches = ppo["epochs"] * 2 * math.ceil(main.env.collector_env_num * 151 / ppo["minibatch_steps"])
    assert main.policy.eval.evaluator.eval_freq <= minibatches
    assert main.policy.learn.learner.hook.save_ckpt_after_iter <= minibatches
