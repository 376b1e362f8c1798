"""One config serves every policy: only the policy's type changes."""

import copy
import math

import pytest
import torch
from ding.entry import eval as ding_eval
from ding.utils import ENV_REGISTRY, POLICY_REGISTRY, deep_merge_dicts
from easydict import EasyDict
from tiny_runs import collect, tiny_config, train

RIVALS = ["aqmix", "refil", "copa"]
FLAT = ["coma", "coma_ext", "qmix", "vdn"]
"""Policies that read the flat view; all but coma_ext are DI-engine's own."""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _new(main, name, seed=0):
    """An untrained policy."""
    policy = POLICY_REGISTRY.get(name)
    torch.manual_seed(seed)
    return policy(deep_merge_dicts(policy.default_config(), main.policy))


def _flat(state):
    return torch.cat([value.double().flatten() for value in state.values()])


def _actions(policy, main, create, steps=8):
    """Actions of two environments in evaluation, from fresh episodes."""
    envs = [ENV_REGISTRY.get(create.env.type)(main.env) for _ in "ab"]
    for seed, env in enumerate(envs):
        env.seed(seed)
    observations = {i: env.reset() for i, env in enumerate(envs)}
    policy.eval_mode.reset()
    played = []
    for _ in range(steps):
        tensors = {i: {k: torch.as_tensor(v).float() for k, v in obs.items()} for i, obs in observations.items()}
        outputs = policy.eval_mode.forward(tensors) if tensors else {}
        played.append({i: torch.as_tensor(outputs[i]["action"]).tolist() for i in observations})
        timesteps = {i: envs[i].step(torch.tensor(action).numpy()) for i, action in played[-1].items()}
        observations = {i: timestep.obs for i, timestep in timesteps.items() if not timestep.done}
    return played


CITY = ("small/save_the_city_alma", "vector")
PLACES = (
    CITY,
    ("small/save_the_city_alma", "base"),
    ("small/smac_multiarmy_alma", "vector"),
    ("group_matching_refil", "vector"),
)
ONE_OF_A_KIND = ("alma", "refil", "mppo", "coma")
"""Value policies with and without an allocator, one that learns on-policy, one that reads the flat view."""


@pytest.mark.parametrize(
    ("policy", "config", "manager"),
    [
        pytest.param(policy, *place, marks=() if place == CITY or policy in ONE_OF_A_KIND else pytest.mark.slow)
        for policy in ("alma", *RIVALS, "mppo", *FLAT)
        for place in PLACES
    ],
)
def test_every_policy_trains_from_one_config_and_acts_alike_from_its_checkpoint(policy, config, manager, tmp_path):
    main, create = tiny_config(policy=policy, manager=manager, config=config)
    trained = train(main, create, iterations=4)
    assert all(torch.isfinite(value).all() for value in trained._model.state_dict().values())
    folder = tmp_path / "run" / "ckpt"
    newest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime)
    checkpoint = torch.load(newest, weights_only=True)
    assert checkpoint["last_iter"] >= 4
    trained.learn_mode.load_state_dict(checkpoint)
    expected = _actions(trained, main, create)

    other = _new(main, policy, seed=9)
    assert not torch.equal(_flat(other._model.state_dict()), _flat(trained._model.state_dict()))
    other.learn_mode.load_state_dict(checkpoint)
    assert torch.equal(_flat(other._model.state_dict()), _flat(trained._model.state_dict()))
    assert _actions(other, main, create) == expected


def test_ding_evaluates_a_coach_s_checkpoint(tmp_path):
    main, create = tiny_config(policy="copa")
    main.policy.network.agent = "recurrent"
    train(main, create, iterations=2)
    checkpoint = str(tmp_path / "run" / "ckpt" / "ckpt_best.pth.tar")
    assert math.isfinite(ding_eval((copy.deepcopy(main), copy.deepcopy(create)), seed=0, load_path=checkpoint))


@pytest.mark.parametrize("policy", ["alma", *RIVALS, "mppo"])
def test_keys_that_only_a_sibling_knows_are_accepted(policy):
    main, _ = tiny_config()
    main.policy.entity.tie_actions = False
    main.policy.network.agent = "feedforward"
    main.policy.network.conditioning = "mask"
    main.policy.coach = EasyDict(labels=True)
    main.policy.learn.imagined_groups = "random"
    main.policy.other.replay_buffer.recent_steps = 0
    main.policy.ppo = EasyDict(epochs=2)
    _new(main, policy)


@pytest.mark.parametrize("policy", RIVALS)
@pytest.mark.parametrize(
    ("path", "value", "error", "message"),
    [
        ("policy.allocation.perod", 5, ValueError, "did you mean policy.allocation.period"),
        ("policy.coach.lables", True, ValueError, "did you mean policy.coach.labels"),
        ("policy.network.conditionin", "mask", ValueError, "did you mean policy.network.conditioning"),
        ("policy.allocation.period", "5", TypeError, "must be of type int"),
        ("policy.network.agent", "recurent", ValueError, "did you mean 'recurrent'"),
        ("policy.network.mixer", "qmix", ValueError, "flex"),
        ("policy.learn.imagined_wight", 0.5, ValueError, "did you mean policy.learn.imagined_weight"),
    ],
)
def test_keys_that_nobody_knows_are_refused(policy, path, value, error, message):
    main, _ = tiny_config()
    *blocks, key = path.split(".")
    block = main
    for name in blocks:
        block = block.setdefault(name, EasyDict())
    block[key] = value
    with pytest.raises(error, match=message):
        _new(main, policy)


@pytest.mark.parametrize(
    ("policy", "path", "value"),
    [
        ("refil", "learn.imagined_weight", 1.5),
        ("refil", "learn.imagined_groups", "true"),
        ("copa", "coach.broadcast_threshold", -1.0),
        ("copa", "allocation.period", 0),
        ("mppo", "network.look", "recurrent"),
    ],
)
def test_impossible_values_are_refused(policy, path, value):
    main, _ = tiny_config()
    block, key = path.split(".")
    main.policy.setdefault(block, EasyDict())[key] = value
    with pytest.raises(ValueError, match=str(value)):
        _new(main, policy)


@pytest.mark.parametrize(
    ("policy", "agent", "mixer"),
    [
        ("aqmix", "recurrent", "linear"),
        ("aqmix", "direct", "vdn"),
        ("refil", "pairwise", "flex"),
        ("copa", "pairwise", "flex"),
        ("refil", "recurrent", "vdn"),
        ("refil", "direct", "linear"),
        ("copa", "recurrent", "flex"),
        ("copa", "direct", "linear"),
    ],
)
def test_agents_and_mixers_combine(policy, agent, mixer):
    main, _ = tiny_config()
    main.policy.network.update(agent=agent, mixer=mixer, mixer_bias_abs=False, popart=mixer == "vdn")
    learner = _new(main, policy)
    before = _flat(learner._model.state_dict())
    values = learner._forward_learn(collect(learner, main))
    assert set(values) == {*learner._monitor_vars_learn()}
    assert all(type(value) is float for value in values.values())
    assert math.isfinite(values["q_loss"]) and values["q_grad_norm"] > 0
    assert not torch.equal(before, _flat(learner._model.state_dict()))


@pytest.mark.parametrize("source", ["learned", "heuristic"])
def test_alma_sums_utilities_by_subtask_if_told_so(source):
    main, create = tiny_config()
    main.policy.network.update(subtask_mixer="vdn", subtask_agent="pairwise")
    main.policy.allocation.source = source
    policy = train(main, create, iterations=2)
    names = [name for name in policy._model.value_network.mixer.state_dict() if not name.startswith("popart.")]
    assert names == []


def test_true_groups_are_asked_for_by_name():
    main, _ = tiny_config()
    main.policy.learn.imagined_groups = "given"
    with pytest.raises(KeyError, match="groups"):
        collect(_new(main, "refil"), main)


def test_alma_learns_from_imagined_groups_and_with_labels():
    main, _ = tiny_config()
    main.policy.network.conditioning = "embed"
    main.policy.learn.imagined_weight = 0.5
    policy = _new(main, "alma")
    weight = policy._model.value_network.agent.encoder.embedding.project.weight
    before = weight.clone()
    assert math.isfinite(policy._forward_learn(collect(policy, main))["im_loss"])
    assert not torch.equal(before, weight)


@pytest.mark.parametrize("policy", ["alma", *RIVALS, "mppo"])
def test_an_environment_of_other_sizes_is_refused(policy):
    main, _ = tiny_config()
    learner = _new(main, policy)
    main.env.scenario = "2-5a_2-5b"
    with pytest.raises(ValueError, match="same scenario"):
        collect(learner, main)


def test_a_range_of_a_key_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setattr(POLICY_REGISTRY.get("refil"), "ranges", {"learn.imagined_wight": (0.0, 1.0)})
    main, _ = tiny_config()
    with pytest.raises(ValueError, match=r"RefilPolicy\.ranges has 'learn\.imagined_wight'"):
        _new(main, "refil")


def test_ranges_may_be_of_keys_that_ding_reads(monkeypatch):
    monkeypatch.setattr(POLICY_REGISTRY.get("refil"), "ranges", {"collect.env_num": (1, 3), "unroll_len": (1, None)})
    main, _ = tiny_config()
    main.policy.collect.env_num = 4
    with pytest.raises(ValueError, match=r"policy\.collect\.env_num must lie in"):
        _new(main, "refil")
