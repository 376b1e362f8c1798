"""Captured updates: what a CUDA graph demands of them, and that they learn what plain updates learn.

On the pretended GPU, whose graphs repeat recorded calls on recorded memory (`pretended_graph`).
"""

import copy
from dataclasses import replace

import pytest
import torch
from driven_policy import EPISODES, Driven, driven_config
from pretended_gpu import PretendedGpu

import ding_alma.rl.captured_update as captured_update

CITY = "small/save_the_city_alma"
WARM_UP = 1
"""Here, where nothing but the optimisers sets itself up."""
UPDATES = WARM_UP + 3
SHORT = {"other.replay_buffer.sequence_length": 3}
"""Rows that are cut out of the episodes and hold starts of theirs; otherwise rows are filled up."""
RECURRENT = ("refil", CITY, {"network.agent": "recurrent", "network.mixer": "linear", "learn.td_lambda": 0.5, **SHORT})
EMBEDDED = ("alma", CITY, {"network.conditioning": "embed", "learn.imagined_weight": 0.5})
COACHED = ("copa", CITY, {"network.agent": "recurrent", "learn.imagined_weight": 0.5})
VARIANTS = [
    RECURRENT,
    ("alma", CITY, {}),
    COACHED,
    *(
        pytest.param(*variant, marks=pytest.mark.slow)
        for variant in (
            EMBEDDED,
            ("aqmix", CITY, {}),
            ("refil", "small/smac_multiarmy_alma", {"network.agent": "recurrent", **SHORT}),
            ("refil", "group_matching_refil", {"learn.imagined_groups": "random_given"}),
            ("aqmix", "small/lux_alma", {"network.agent": "pairwise", "network.mixer": "vdn", "network.popart": False}),
            ("alma", "small/smac_multiarmy_alma", {"allocation.network": "pairwise"}),
            ("copa", "small/smac_multiarmy_alma", {"coach.first_step_decides": False, **SHORT}),
        )
    ),
]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(captured_update, "WARM_UP", WARM_UP)


def changed(policy, config, changes):
    main, create = driven_config(policy, config)
    usual = {"monitor_interval": 1, "anneal_steps": 100 * UPDATES, "target_update": 2}
    # RMSprop enlarges the rounding of gradients that ought to be zero, the less the larger its epsilon.
    usual["rmsprop_eps"] = 1e-3
    changes = {f"learn.{key}": value for key, value in usual.items()} | changes
    for path, value in changes.items():
        *names, key = path.split(".")
        block = main.policy
        for name in names:
            block = block[name]
        block[key] = value
    return main, create


def learner(policy, config, changes, capture=True):
    return Driven(*changed(policy, config, changes | {"learn.capture": capture}))


def batches(driven, number=UPDATES, dtype=torch.float32):
    """Of the learner's own play, the step counter moving on."""
    driven.collect(6)
    drawn = [driven.buffer.sample(EPISODES, 0) for _ in range(number)]
    return [
        replace(
            data, env_step=100 * step, **{name: as_type(getattr(data, name), dtype) for name in ("batch", "recent")}
        )
        for step, data in enumerate(drawn)
    ]


def as_type(batch, dtype):
    parts = ("entities", "reward", "subtask_reward")
    return batch and replace(batch, **{name: getattr(batch, name).to(dtype) for name in parts})


def values(driven, data):
    return driven.policy.learn_mode.forward(copy.copy(data))


def check_equal(one, other):
    """Weights, statistics, gradients and optimisers' states."""
    for name, expected in one.policy._model.state_dict().items():
        torch.testing.assert_close(
            other.policy._model.state_dict()[name],
            expected,
            rtol=1e-5,
            atol=1e-6,
            msg=lambda text, name=name: f"{name}: {text}",
        )
    for name, optimiser in one.policy._optimisers.items():
        theirs = other.policy._optimisers[name]
        scale = float(optimiser._gradient.abs().max())
        assert scale > 0, name
        torch.testing.assert_close(theirs._gradient, optimiser._gradient, rtol=1e-4, atol=1e-5 * scale)
        (mine,), (its,) = (x._optimiser.torch.state.values() for x in (optimiser, theirs))
        assert float(mine["step"]) == float(its["step"]) > 0
        torch.testing.assert_close(its["square_avg"], mine["square_avg"], rtol=1e-4, atol=1e-9)


def check_values_equal(one, other, driven, rel=1e-5):
    """Monitored values but for those of exploration, which only the player knows."""
    names = one.keys() - set(driven.policy.exploration_names)
    expected = {name: one[name] for name in names}
    assert {name: other[name] for name in names} == pytest.approx(expected, rel=rel, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize(("policy", "config", "changes"), VARIANTS)
def test_a_captured_update_learns_what_a_plain_one_learns(policy, config, changes):
    with PretendedGpu() as gpu:
        plain, captured = (learner(policy, config, changes, capture) for capture in (False, True))
        for data in batches(plain):
            check_values_equal(values(plain, data), values(captured, data), plain)
        assert [graph.replays for graph in gpu.graphs] == [UPDATES - WARM_UP] * len(captured.policy._captured)
        assert gpu.graphs
        check_equal(plain, captured)


def test_a_captured_update_learns_what_packed_rows_of_the_cpu_learn():
    changes = {"other.replay_buffer.device": "cpu"}
    main, create = changed("refil", CITY, changes)
    main.policy.cuda = False
    on_cpu = Driven(main, create)
    data = batches(on_cpu)
    with PretendedGpu() as gpu:
        captured = learner("refil", CITY, changes)
        captured.policy._learn_generator.set_state(on_cpu.policy._learn_generator.get_state())
        captured.policy._model.load_state_dict(on_cpu.policy._model.state_dict())
        captured.policy._target.load_state_dict(on_cpu.policy._target.state_dict())
        there = [values(captured, one) for one in data]
        assert gpu.graphs
        weights = {name: value.cpu() for name, value in captured.policy._model.state_dict().items()}
    for one, learnt in zip(data, there, strict=True):
        check_values_equal(values(on_cpu, one), learnt, on_cpu, rel=1e-4)
    for name, expected in on_cpu.policy._model.state_dict().items():
        torch.testing.assert_close(weights[name], expected, rtol=1e-4, atol=1e-5, msg=name)


def test_in_double_precision_they_are_equal_but_for_rounding():
    with PretendedGpu():
        player = learner("refil", CITY, {}, capture=False)
        data = batches(player, dtype=torch.float64)
        torch.set_default_dtype(torch.float64)
        try:
            plain, captured = (learner("refil", CITY, {}, capture) for capture in (False, True))
            for one in data:
                check_values_equal(values(plain, one), values(captured, one), plain, rel=1e-6)
            weights = plain.policy._model.state_dict()
        finally:
            torch.set_default_dtype(torch.float32)
        for name, theirs in captured.policy._model.state_dict().items():
            assert theirs.dtype in (torch.float64, torch.bool)
            torch.testing.assert_close(theirs, weights[name], rtol=1e-11, atol=1e-12, msg=name)


def recordings(driven, gpu):
    """What the calls of all captured updates are in two recordings, each with another batch."""
    for count, data in enumerate(batches(driven, WARM_UP + 2)):
        if count > WARM_UP:
            for captured in driven.policy._captured.values():
                captured._graph = None
        values(driven, data)
    described = [graph.described() for graph in gpu.graphs]
    updates = len(driven.policy._captured)
    assert len(described) == 2 * updates
    return described[:updates], described[updates:]


@pytest.mark.parametrize(
    ("policy", "config", "changes"),
    [RECURRENT, *(pytest.param(*variant, marks=pytest.mark.slow) for variant in (EMBEDDED, COACHED))],
)
def test_every_batch_makes_the_same_calls_on_the_same_memory(policy, config, changes):
    with PretendedGpu() as gpu:
        first, second = recordings(learner(policy, config, changes), gpu)
        assert all(len(calls) > 300 for calls in first)
        assert first == second


def test_states_of_plain_and_captured_learners_can_be_exchanged():
    with PretendedGpu() as gpu:
        captured, plain = learner("aqmix", CITY, {}), learner("aqmix", CITY, {}, capture=False)
        data = batches(captured, WARM_UP + 1)
        for one in data:
            values(captured, one)
        torch.save(captured.policy.learn_mode.state_dict(), "state.pth.tar")

        def load(driven):
            driven.policy.learn_mode.load_state_dict(torch.load("state.pth.tar", weights_only=True, map_location="cpu"))

        load(plain)
        # Tensors of the recording are replaced, its own by those of the file, so that it is made anew.
        load(captured)
        for one in data:
            values(plain, one)
            values(captured, one)
        check_equal(plain, captured)
        assert len(gpu.graphs) == 2
        # And the other way round.
        captured.policy.learn_mode.load_state_dict(copy.deepcopy(plain.policy.learn_mode.state_dict()))
        values(plain, data[0])
        values(captured, data[0])
        check_equal(plain, captured)


@pytest.mark.parametrize(
    ("policy", "changes", "message"),
    [
        ("aqmix", {"cuda": False}, "policy.learn.capture = True needs policy.cuda = True"),
        ("coma_ext", {}, "updates of coma_ext_command have no fixed form"),
    ],
)
def test_capture_is_refused_where_it_is_impossible(policy, changes, message):
    main, create = driven_config(policy, CITY)
    main.policy.update(changes)
    main.policy.learn.capture = True
    with PretendedGpu(), pytest.raises(ValueError, match=message) as refusal:
        Driven(main, create)
    assert "\n" not in str(refusal.value)


def test_several_gpus_are_refused(monkeypatch):
    main, create = driven_config("aqmix", CITY)
    main.policy.update(multi_gpu=True)
    main.policy.learn.capture = True
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    with PretendedGpu(), pytest.raises(ValueError, match=r"policy\.learn\.capture = True is for one GPU"):
        Driven(main, create)
