"""On a GPU an update waits for nothing, and computes what it computes on the CPU."""

import copy

import pytest
import torch
from driven_policy import EPISODES, Driven, driven_config
from pretended_gpu import PretendedGpu

from ding_alma.replay.episode import table_of
from ding_alma.replay.training_sequences import draw_sequences

VALUE_VARIANTS = [
    ("alma", {}),
    ("alma", {"network.conditioning": "embed", "learn.imagined_weight": 0.5}),
    ("alma", {"network.subtask_agent": "pairwise", "network.subtask_mixer": "vdn", "allocation.network": "pairwise"}),
    ("aqmix", {}),
    ("aqmix", {"network.agent": "recurrent", "network.mixer": "linear"}),
    ("refil", {}),
    ("refil", {"network.agent": "recurrent"}),
    ("copa", {}),
    ("copa", {"network.agent": "recurrent", "learn.imagined_weight": 0.5}),
    ("copa", {"coach.first_step_decides": False, "learn.td_lambda": 0.5}),
]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def changed(policy, changes, **blocks):
    main, create = driven_config(policy, "small/save_the_city_alma")
    for path, value in (changes | blocks).items():
        *names, key = path.split(".")
        block = main.policy
        for name in names:
            block = block.setdefault(name, {})
        block[key] = value
    return main, create


@pytest.mark.parametrize(
    ("policy", "changes", "replay"),
    [*((*variant, "cuda") for variant in VALUE_VARIANTS), ("alma", {}, "cpu"), ("copa", {}, "cpu")],
)
def test_updates_wait_only_for_the_values_that_are_read(policy, changes, replay):
    main, create = changed(policy, changes | {"learn.monitor_interval": 2, "other.replay_buffer.device": replay})
    with PretendedGpu() as gpu:
        driven = Driven(main, create)
        driven.collect()
        waits = []
        for _ in range(3):
            gpu.forget()
            driven.update()
            waits.append([kind.split()[0] for kind in gpu.waits.elements()])
        assert gpu.kernels > 0
    assert waits == [["tolist"], [], ["tolist"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"ppo.epochs": 1, "ppo.minibatch_steps": 512},
        {"ppo.epochs": 3, "ppo.minibatch_steps": 4, "ppo.drop_forced": True},
        {"separation": "none", "ppo.bootstrap_time_limit": False},
        {"reduction.keep": 1, "reduction.by": "random"},
        {"learn.capture": True, "ppo.minibatch_steps": 4},
    ],
)
def test_masked_ppo_waits_only_for_the_values_that_are_read(changes):
    main, create = changed("mppo", changes | {"learn.monitor_interval": 2})
    with PretendedGpu() as gpu:
        driven = Driven(main, create)
        waits = []
        for _ in range(3):
            driven.collect()
            gpu.forget()
            driven.update()
            waits.append([kind.split()[0] for kind in gpu.waits.elements()])
        assert gpu.kernels > 0
    assert waits == [["tolist"], [], ["tolist"]]


def test_masked_ppo_learns_what_it_learns_on_the_cpu():
    def learner(**blocks):
        changes = {"ppo.minibatch_steps": 4, "ppo.drop_forced": True, "ppo.adam_eps": 1e-2, "reduction.keep": 1}
        return Driven(*changed("mppo", changes, **blocks))

    on_cpu = learner(cuda=False)
    on_cpu.collect()
    data = on_cpu.buffer.sample(EPISODES, 0)
    with PretendedGpu():
        on_gpu = learner()
        on_gpu.policy._learn_generator.set_state(on_cpu.policy._learn_generator.get_state())
        on_gpu.policy._model.load_state_dict(on_cpu.policy._model.state_dict())
        there = on_gpu.policy.learn_mode.forward(copy.copy(data))
        weights = {name: value.cpu() for name, value in on_gpu.policy._model.state_dict().items()}
    here = on_cpu.policy.learn_mode.forward(data)
    assert len(here) == len(there) > 2
    for one, other in zip(here, there, strict=True):
        assert other == pytest.approx(one, rel=1e-4, abs=1e-5)
    for name, expected in on_cpu.policy._model.state_dict().items():
        torch.testing.assert_close(weights[name], expected, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize(("policy", "changes"), VALUE_VARIANTS)
def test_gradients_are_those_of_the_cpu(policy, changes):
    def learner(main, create):
        driven = Driven(main, create)
        driven.policy._cfg.learn.monitor_interval = 1
        return driven

    changes = changes | {"other.replay_buffer.device": "cpu"}
    on_cpu = learner(*changed(policy, changes, cuda=False))
    on_cpu.collect()
    data = on_cpu.buffer.sample(EPISODES, 0)
    with PretendedGpu():
        on_gpu = learner(*changed(policy, changes))
        on_gpu.policy._learn_generator.set_state(on_cpu.policy._learn_generator.get_state())
        on_gpu.policy._model.load_state_dict(on_cpu.policy._model.state_dict())
        there = on_gpu.policy.learn_mode.forward(copy.copy(data))
        found = {name: one._gradient.cpu() for name, one in on_gpu.policy._optimisers.items()}
    here = on_cpu.policy.learn_mode.forward(data)
    for name in set(here) - set(on_cpu.policy.exploration_names):
        assert there[name] == pytest.approx(here[name], rel=1e-5, abs=1e-5, nan_ok=True), name
    assert found
    for name, gradient in found.items():
        expected = on_cpu.policy._optimisers[name]._gradient
        assert expected.abs().max() > 0
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


def test_a_replay_on_the_device_knows_steps_as_the_batch_does():
    driven = Driven(*changed("copa", {}, cuda=False, **{"other.replay_buffer.device": "cpu"}))
    driven.collect(6)
    with PretendedGpu() as gpu:
        episodes = driven.buffer._samples()
        host, device = table_of(episodes), table_of(episodes, "cuda")
        gpu.forget()
        rows = draw_sequences(host.lengths + 1, 6, torch.rand(len(episodes)).numpy())
        slots = torch.arange(len(episodes)).numpy()
        known, expected = device.batch(slots, rows).host_steps(), host.batch(slots, rows).host_steps()
        assert not gpu.waits
        for name in ("decision", "valid", "first"):
            assert getattr(known, name).equal(getattr(expected, name)), name
        assert known.decision.any() and known.first.any()


@pytest.mark.parametrize("policy", ["alma", "aqmix", "refil", "copa", "mppo", "coma_ext"])
def test_acting_waits_once_per_step_and_a_collection_travels_in_one_copy(policy):
    main, create = changed(policy, {})
    if policy == "coma_ext":
        main.policy.other.replay_buffer.pop("device")
    steps = EPISODES * main.env.episode_limit
    with PretendedGpu() as gpu:
        driven = Driven(main, create)
        driven.collect()
        gpu.forget()
        driven.collect()
        assert [kind.split(" at ")[0] for kind in gpu.waits.elements()] == ["copy to the host"] * steps
        gpu.forget()
        driven.evaluate()
        assert [kind.split(" at ")[0] for kind in gpu.waits.elements()] == ["copy to the host"] * (steps // EPISODES)


def test_a_coach_s_rate_of_broadcasts_is_read_once_per_evaluation():
    with PretendedGpu() as gpu:
        driven = Driven(*changed("copa", {}))
        driven.evaluate()
        gpu.forget()
        assert driven.policy.broadcast_rate() == 1
        assert gpu.waits.total() == 2
        assert driven.policy.broadcast_rate() == 1
        assert gpu.waits.total() == 2
