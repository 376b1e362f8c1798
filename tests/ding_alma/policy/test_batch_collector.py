"""The collector of batches plays, counts and hands out what DI-engine's own does."""

from functools import partial
from pathlib import Path

import pytest
import torch
from ding.config import compile_config
from ding.envs import create_env_manager, get_vec_env_setting
from ding.policy import create_policy
from ding.utils import set_pkg_seed
from ding.worker import create_serial_collector
from tiny_runs import last_checkpoint, tiny_config, train

from ding_alma.policy.batch_collector import BatchEpisodeCollector

COUNTERS = ("_total_envstep_count", "_total_episode_count")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def configs(policy="alma", collector="episode_batch", manager="vector", **options):
    main, create = tiny_config(policy, manager)
    main.env.update(collector_env_num=5, episode_limit=30, end_on_any_burn=True)
    main.policy.collect.update(env_num=5, n_episode=7)
    create.collector.update(type=collector, import_names=["ding_alma.plugin"], **options)
    return main, create


def make_collector(main, create):
    """As DI-engine's serial entry sets it up."""
    create.policy.type += "_command"
    cfg = compile_config(main, seed=0, auto=True, create_cfg=create, save_cfg=False)
    env_fn, settings, _ = get_vec_env_setting(cfg.env)
    manager = create_env_manager(cfg.env.manager, [partial(env_fn, cfg=setting) for setting in settings])
    manager.seed(0, dynamic_seed=True)
    set_pkg_seed(0, use_cuda=False)
    policy = create_policy(cfg.policy, enable_field=["collect", "command"])
    return create_serial_collector(cfg.policy.collect.collector, env=manager, policy=policy.collect_mode)


def play(main, create, collections=2):
    """Episodes, counters and the log's entries of a few collections."""
    collector = make_collector(main, create)
    exploration = dict(eps=0.3, alloc_eps=0.3, prop_alloc_eps=0.3)
    episodes = []
    for _ in range(collections):
        episodes += collector.collect(policy_kwargs={**exploration, "env_step": collector.envstep})
    logged = [(entry["reward"], entry["step"]) for entry in collector._episode_info]
    assert all(entry["time"] > 0 for entry in collector._episode_info)
    return episodes, [getattr(collector, name) for name in COUNTERS], logged


def assert_equal_episodes(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            assert torch.equal(torch.as_tensor(a[key]), torch.as_tensor(b[key])), key


@pytest.mark.parametrize("policy", ["alma", "aqmix", "copa"])
def test_it_collects_the_same_episodes(policy):
    episodes, counters, logged = play(*configs(policy, "episode"))
    assert len({episode["length"] for episode in episodes}) > 1, "environments that end together show too little"
    others, other_counters, other_logged = play(*configs(policy))
    assert_equal_episodes(episodes, others)
    assert counters == other_counters == [sum(episode["length"] for episode in episodes), 14]
    assert logged == other_logged


def test_a_training_run_is_the_same():
    weights = []
    for collector in ("episode", "episode_batch"):
        main, create = configs(collector=collector)
        main.exp_name = collector
        train(main, create)
        weights.append(last_checkpoint(Path(collector))["model"])
    assert all(torch.equal(weights[0][name], value) for name, value in weights[1].items())


def test_with_another_manager_it_is_the_collector_of_ding():
    assert_equal_episodes(play(*configs(manager="base"))[0], play(*configs())[0])


def test_a_policy_without_a_batch_mode_is_driven_by_the_collector_of_ding():
    episodes, counters, _ = play(*configs("mppo"), collections=1)
    assert len(episodes) == counters[1] == 7


def test_more_environments_than_episodes_are_refused():
    collector = make_collector(*configs())
    assert isinstance(collector, BatchEpisodeCollector)
    with pytest.raises(ValueError, match="at least the number of environments, 5, got 4"):
        collector.collect(n_episode=4)
