"""Masked PPO through DI-engine's pipelines, on entities and on maps."""

import copy
import math

import numpy as np
import pytest
import torch
from default_hooks import default_hooks
from ding.entry import eval as ding_eval
from ding.entry import serial_pipeline_onpolicy
from ding.utils import POLICY_REGISTRY, deep_merge_dicts
from easydict import EasyDict
from tiny_runs import collect, last_checkpoint, tiny_config, train
from toy_map_env import ACTIONS, MEMBERS, PLANES, TEAMS, ToyMapEnv

from ding_alma.policy.member_credit import own_rewards
from ding_alma.policy.mppo import METRICS
from ding_alma.rl.separation import SEPARATIONS


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def mppo_config(**ppo):
    main, create = tiny_config("mppo")
    main.policy.ppo = EasyDict(epochs=2, minibatch_steps=16, **ppo)
    return main, create


def map_config(**changes):
    main = EasyDict(
        exp_name="run",
        env=dict(collector_env_num=2, evaluator_env_num=2, n_evaluator_episode=2, stop_value=1e10),
        policy=dict(
            view="map",
            model=dict(agent_num=MEMBERS, action_shape=ACTIONS),
            map=dict(planes=PLANES, width=8, squeezed=2, blocks=1),
            credit=dict(own="given", shared="sum", own_weight=0.75),
            ppo=dict(epochs=2, minibatch_steps=8),
            learn=dict(),
            collect=dict(n_episode=4, env_num=2),
            other=dict(),
            eval=dict(env_num=2, evaluator=dict(eval_freq=1000)),
        ),
    )
    create = EasyDict(
        env=dict(type="toy_map", import_names=["toy_map_env"]),
        env_manager=dict(type="base"),
        policy=dict(type="mppo", import_names=["ding_alma.plugin"]),
        collector=dict(type="episode", get_train_sample=True),
        replay_buffer=dict(type="episode_ring", import_names=["ding_alma.plugin"]),
    )
    return EasyDict(deep_merge_dicts(main, EasyDict(policy=changes))), create


def new(main, seed=0):
    policy = POLICY_REGISTRY.get("mppo")
    torch.manual_seed(seed)
    return policy(deep_merge_dicts(policy.default_config(), main.policy))


def flat(state):
    return torch.cat([value.double().flatten() for value in state.values()])


def map_episodes(policy, episodes=3):
    env, mode, samples = ToyMapEnv(EasyDict()), policy.collect_mode, []
    for _ in range(episodes):
        mode.reset([0])
        obs, done = env.reset(), False
        while not done:
            output = mode.forward({0: obs})[0]
            timestep = env.step(output["action"])
            transition = mode.process_transition(obs, output, timestep)
            obs, done = timestep.obs, timestep.done
        samples += mode.get_train_sample([transition])
    return samples


def test_both_serial_entries_train_alike_and_learn_from_everything_once():
    main, create = mppo_config()
    off = train(main, create, iterations=6)
    main.exp_name = "other"
    on = serial_pipeline_onpolicy((copy.deepcopy(main), copy.deepcopy(create)), seed=0, max_train_iter=6)
    assert torch.equal(flat(off._model.state_dict()), flat(on._model.state_dict()))
    # Four episodes of 12 steps in minibatches of 16, twice.
    assert off._version == 1 and on._version == 1


def test_one_config_s_buffer_and_updates_do_not_disturb(caplog):
    """Values for off-policy policies stand in the shared config: eight updates per collection, batches of 32."""
    main, create = mppo_config()
    main.policy.learn.update(update_per_collect=8, batch_size=32)
    policy = train(main, create, iterations=12)
    assert policy._version == 2
    # DI-engine complains when it asks the emptied buffer for more.
    assert "can only train" not in caplog.text


def test_stale_episodes_are_refused():
    main, create = mppo_config()
    create.replay_buffer.type = "naive"
    main.policy.other.replay_buffer = EasyDict(replay_buffer_size=50, periodic_thruput_seconds=10**6)
    with pytest.raises(ValueError, match="consume = True"):
        train(main, create, iterations=30)


def test_unchanged_networks_find_their_own_ratios_to_be_one():
    main, _ = mppo_config(learning_rate=0.0, anneal_steps=0, normalisation="none")
    policy = new(main)
    first = policy._forward_learn(collect(policy, main))[0]
    assert first["clip_frac"] == 0 and abs(first["approx_kl"]) < 1e-6 and abs(first["old_approx_kl"]) < 1e-6
    assert first["entropy"] > 1


@pytest.mark.parametrize("separation", sorted(SEPARATIONS))
@pytest.mark.parametrize("own", ["team", "subtask"])
def test_every_separation_and_credit_learns(separation, own):
    main, _ = mppo_config()
    main.policy.separation, main.policy.credit = separation, EasyDict(own=own)
    policy = new(main)
    before = flat(policy._model.state_dict())
    values = policy._forward_learn(collect(policy, main))
    assert len(values) == 6
    for value in values:
        assert set(value) == {*policy._monitor_vars_learn()} >= {*METRICS}
        assert all(type(number) is float and math.isfinite(number) for number in value.values())
    assert values[0]["active_trajectories"] == (1 if separation == "none" else 2)
    assert not torch.equal(before, flat(policy._model.state_dict()))


@pytest.mark.parametrize("separation", sorted(SEPARATIONS))
def test_a_shared_critic_has_no_part_of_its_own(separation):
    is_shared = separation in ("global_critic", "global_advantage")
    main, _ = mppo_config()
    main.policy.separation = separation
    assert (new(main)._model.critic is None) is is_shared
    assert (new(map_config(separation=separation)[0])._model.local_value is None) is is_shared


def test_credit_by_subtask_pays_those_who_work_at_it():
    main, _ = mppo_config()
    main.policy.credit = EasyDict(own="subtask")
    policy = new(main)
    obs = {"action_subtask": np.array([[-1, 0, 1, -2]] * 4)}
    action = torch.tensor([[0, 1, 2, 3]])
    timestep_info = {"subtask_reward": np.array([5.0, -7.0], np.float32)}
    assert own_rewards("subtask", 1.0, obs, action, timestep_info).tolist() == [[0, 5, -7, 0]]
    assert own_rewards("team", 1.5, obs, action, timestep_info).tolist() == [[1.5] * 4]
    with pytest.raises(KeyError, match="member_reward"):
        own_rewards("given", 1.0, obs, action, timestep_info)
    rewards = torch.cat([episode["steps"]["own_reward"] for episode in collect(policy, main)])
    assert rewards.shape[1:] == (1, 2)


@pytest.mark.parametrize("bootstrap", [True, False])
def test_an_episode_cut_by_time_goes_on_in_its_last_value(bootstrap):
    main, _ = mppo_config(bootstrap_time_limit=bootstrap)
    policy = new(main)
    episodes = collect(policy, main, episodes=2)
    assert all(episode["time_limit"] for episode in episodes)
    seen = {}
    policy._train = lambda rollout, examples, teams: seen.update(rollout=rollout, examples=examples) or []
    policy._forward_learn(episodes)
    rollout, examples = seen["rollout"], seen["examples"]
    closing = policy._judge(
        {key: value.unsqueeze(1) for key, value in rollout.final.items()}, torch.ones(2, 1, 2, dtype=torch.bool)
    ).value
    assert (closing != 0).all()
    last = rollout.steps.valid.sum(0).cumsum(0) - 1
    expected = rollout.rows(rollout.steps.own_reward)[last]
    if bootstrap:
        expected = expected + main.policy.learn.discount_factor * closing
    torch.testing.assert_close(examples.returns[last], expected)


def test_learning_continues_from_a_checkpoint_as_if_it_had_not_stopped():
    main, _ = mppo_config()
    policy, other = new(main), new(main, seed=9)
    policy._forward_learn(collect(policy, main))
    state = copy.deepcopy(policy._state_dict_learn())
    other._load_state_dict_learn(state)
    for each in (policy, other):
        each._forward_learn(collect(each, main))
    assert torch.equal(flat(policy._model.state_dict()), flat(other._model.state_dict()))


def test_a_run_resumes_and_ding_evaluates_its_checkpoint(tmp_path):
    main, create = mppo_config()
    train(main, create, iterations=6)
    before = last_checkpoint(tmp_path / "run")
    value = ding_eval(
        (copy.deepcopy(main), copy.deepcopy(create)),
        seed=0,
        load_path=str(tmp_path / "run" / "ckpt" / "ckpt_best.pth.tar"),
    )
    assert math.isfinite(value)
    main.policy.learn.resume_training = True
    main.policy.learn.learner.hook.load_ckpt_before_run = str(tmp_path / "run" / "ckpt" / "ckpt_last.pth.tar")
    policy = train(main, create, iterations=12)
    assert policy._version == 2 and last_checkpoint(tmp_path / "run")["last_step"] > before["last_step"]


def test_the_learning_rate_falls_with_the_environment_s_steps():
    main, _ = mppo_config(learning_rate=1e-2, anneal_steps=1000)
    policy = new(main)
    policy._env_step = 250
    policy._forward_learn(collect(policy, main))
    assert policy._descent.optimiser.torch.param_groups[0]["lr"] == pytest.approx(7.5e-3)


def test_epochs_stop_at_the_target_divergence():
    main, _ = mppo_config(learning_rate=0.05, target_kl=1e-4)
    policy = new(main)
    assert len(policy._forward_learn(collect(policy, main))) == 3


@pytest.mark.parametrize("separation", ["full", "none", "global_log_prob"])
@pytest.mark.parametrize("trajectories", ["agent", "given"])
def test_maps_of_two_teams_whose_slots_change_hands(separation, trajectories):
    main, _ = map_config(separation=separation, trajectories=trajectories)
    policy = new(main)
    episodes = map_episodes(policy)
    assert episodes[0]["observed"]["planes"].dtype == torch.float16
    assert any(episode["steps"]["member_done"].any() for episode in episodes)
    values = policy._forward_learn(episodes)
    steps = sum(len(episode["team_reward"]) for episode in episodes)
    # Two teams whose steps are never mixed.
    assert len(values) == 2 * TEAMS * math.ceil(steps / 8)
    assert all(math.isfinite(number) for value in values for number in value.values())


@pytest.mark.parametrize("target_kl", [0.0, 1e-9])
def test_a_listener_hears_of_every_minibatch(target_kl):
    main, _ = map_config(ppo=dict(target_kl=target_kl))
    policy, heard = new(main), []
    policy.learn_mode.set_attribute("minibatch_listener", lambda *counts: heard.append(counts))
    done = len(policy._forward_learn(map_episodes(policy)))
    planned = 2 * done if target_kl else done
    assert heard == [*((number, planned) for number in range(done)), (done, done)]


def test_the_console_shows_the_minibatches_of_an_update(capsys):
    main, create = map_config()
    hook = dict(progress=default_hooks()["progress"])
    hook["progress"]["ext_args"] = dict(style="plain", interval=0)
    main.policy.learn.learner = EasyDict(hook=hook)
    train(main, create, iterations=2)
    printed = capsys.readouterr().out
    assert "minibatch 1 / " in printed and ", update ends in 0:00:0" in printed and "minibatches took" in printed


def test_teams_share_no_minibatch_and_no_reward():
    main, _ = map_config(credit=dict(own_weight=0.0))
    policy = new(main)
    episodes = map_episodes(policy)
    for episode in episodes:
        episode["steps"]["own_reward"][:, 1] = 0
        episode["steps"]["value"][:] = 0
    teams = []
    minibatch = policy._descent._minibatch
    policy._descent._minibatch = lambda rows: teams.append(rows.examples.returns.abs().sum() > 0) or minibatch(rows)
    policy._cfg.ppo.bootstrap_time_limit = False
    values = policy._forward_learn(episodes)
    half = len(values) // 4
    assert teams[:half] == [True] * half and teams[half : 2 * half] == [False] * half


def test_maps_train_through_the_pipeline():
    main, create = map_config()
    policy = train(main, create, iterations=8)
    assert policy._version >= 1
    assert torch.isfinite(flat(policy._model.state_dict())).all()


@pytest.mark.parametrize("keep", [0, 1])
def test_reduction_keeps_the_most_telling_robots_and_every_factory(keep):
    main, _ = map_config(reduction=dict(keep=keep, member_type=1))
    policy = new(main)
    seen = []
    policy._train = lambda rollout, examples, teams: seen.append((rollout, examples)) or []
    policy._forward_learn(map_episodes(policy))
    rollout, examples = seen[0]
    present = rollout.rows(rollout.steps.active[:-1])
    assert torch.equal(examples.active[:, 0], present[:, 0])
    robots, kept = present[:, 1:], examples.active[:, 1:]
    assert torch.equal(kept.sum(1), robots.sum(1).clamp_max(keep or MEMBERS))
    assert (kept <= robots).all() and robots.sum(1).max() > 1


def test_forced_choices_are_left_out_on_request():
    main, _ = map_config(ppo=dict(drop_forced=True))
    policy = new(main)
    # The factory may only stay.
    values = policy._forward_learn(map_episodes(policy))
    kept = new(map_config()[0])
    assert values[0]["active_trajectories"] == pytest.approx(
        kept._forward_learn(map_episodes(kept))[0]["active_trajectories"] - 1
    )


def test_running_statistics_move_in_learning_alone_unless_asked():
    for rollout_bn_eval in (True, False):
        main, _ = map_config(map=dict(rollout_bn_eval=rollout_bn_eval))
        policy = new(main)
        before = policy._model.trunk.normalisation.running_mean.clone()
        episodes = map_episodes(policy, episodes=1)
        after = policy._model.trunk.normalisation.running_mean
        assert torch.equal(before, after) is rollout_bn_eval
        policy._forward_learn(episodes)
        assert not torch.equal(before, after)


def test_bfloat16_learns_and_its_weights_are_those_of_any_network():
    policy = new(map_config(map=dict(precision="bfloat16"))[0])
    before = copy.deepcopy(policy._model.state_dict())
    values = policy._forward_learn(map_episodes(policy))
    assert all(math.isfinite(value) for value in values[-1].values())
    weights = policy._model.state_dict()
    assert any(not torch.equal(before[name], weights[name]) for name in weights)
    new(map_config()[0])._model.load_state_dict(weights)
    assert {value.dtype for value in weights.values() if value.is_floating_point()} == {torch.float32}


def test_a_member_without_any_legal_action_is_an_error():
    main, _ = map_config()
    policy = new(main)
    obs = ToyMapEnv(EasyDict()).reset()
    obs["action_mask"][0, 0] = False
    with pytest.raises(ValueError, match="no-op"):
        policy.collect_mode.forward({0: obs})


@pytest.mark.parametrize(
    ("block", "value", "message"),
    [
        ("map", dict(precision="float16"), "map.precision must be one of"),
        ("separation", "ful", "did you mean 'full'"),
        ("trajectories", "given", "view = 'map'"),
        ("view", "planes", "policy.view must be one of"),
        ("credit", dict(own="team", shared="sum"), "multiply"),
        ("credit", dict(own="gven"), "did you mean 'given'"),
        ("credit", dict(own="given"), "is for policy.view = .map."),
        ("credit", dict(own_weight=1.5), "own_weight must lie in"),
        ("ppo", dict(epochs=0), "epochs must lie in"),
        ("ppo", dict(normalisation="all"), "normalisation"),
        ("reduction", dict(member_type=1), "view = 'map'"),
        ("multi_gpu", True, "start them by torchrun"),
    ],
)
def test_impossible_values_are_refused(block, value, message):
    main, _ = mppo_config()
    main.policy[block] = value
    with pytest.raises(ValueError, match=message):
        new(main)


def test_maps_of_other_sizes_are_refused():
    main, _ = map_config(map=dict(planes=4))
    with pytest.raises(ValueError, match=r"policy\.map\.planes"):
        map_episodes(new(main), episodes=1)
    with pytest.raises(ValueError, match="31 actions"):
        new(map_config(map=dict(actor="lux_stages"))[0])
    with pytest.raises(ValueError, match="several teams"):
        new(map_config(credit=dict(own="team", shared="team"))[0])


def test_steps_without_anybody_move_neither_weights_nor_momenta():
    main, _ = map_config(map=dict(rollout_bn_eval=True), ppo=dict(minibatch_steps=1))
    policy = new(main)
    # Momenta, which would move the weights by themselves.
    policy._forward_learn(map_episodes(policy, episodes=1))
    episodes = map_episodes(policy)
    for episode in episodes:
        episode["observed"]["member_mask"][1:] = False
    before = flat(policy._model.state_dict())
    # Each episode's first step alone, of two teams, in two epochs.
    assert len(policy._forward_learn(episodes)) == 2 * TEAMS * len(episodes)
    moved = flat(policy._model.state_dict())
    assert not torch.equal(before, moved)
    episodes = map_episodes(policy)
    for episode in episodes:
        episode["observed"]["member_mask"][:] = False
    values = policy._forward_learn(episodes)
    assert len(values) == 1 and math.isfinite(values[0]["total_loss"])
    assert torch.equal(flat(policy._model.state_dict()), moved)
