"""Captured minibatches of masked PPO learn what plain ones learn, on the graphs of the pretended GPU."""

import contextlib
import copy

import pytest
import torch
from driven_policy import Driven, driven_config
from pretended_gpu import PretendedGpu

import ding_alma.rl.captured_update as captured_update

CITY, LUX = "small/save_the_city_mppo", "small/lux_mppo"
WARM_UP = 1
"""Here, where nothing but the optimiser sets itself up."""
MINIBATCH = 3
"""Steps: the four of an episode and the eight of two are split into minibatches of two and of three."""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(captured_update, "WARM_UP", WARM_UP)


@contextlib.contextmanager
def double_precision():
    """Foreach operations and loops round differently; here by no more than 1e-12."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


def learner(config=CITY, capture=True, **blocks):
    main, create = driven_config("mppo", config)
    main.policy.learn.capture = capture
    main.policy.ppo.update(minibatch_steps=MINIBATCH, epochs=3, anneal_steps=1000)
    for name, block in blocks.items():
        main.policy[name].update(block)
    return Driven(main, create)


def as_default(part):
    """Floats in the default precision."""
    if isinstance(part, dict):
        return {key: as_default(value) for key, value in part.items()}
    is_float = isinstance(part, torch.Tensor) and part.is_floating_point()
    return part.to(torch.get_default_dtype()) if is_float else part


def learn(driven, episodes, env_step):
    """The values of a collection, as if the present networks had played it."""
    driven.policy._env_step = env_step
    version = {"version": driven.policy._version}
    return driven.policy.learn_mode.forward([as_default(episode) | version for episode in episodes])


def collections(driven):
    """Of one, two, two and one episodes."""
    driven.collect(3)
    episodes = driven.buffer.sample(3, 0)
    return [episodes[:1], episodes[:2], episodes[1:], episodes[2:]]


def check_equal(one, other, tolerance):
    for name, expected in one.policy._model.state_dict().items():
        found = other.policy._model.state_dict()[name]
        torch.testing.assert_close(
            found, expected, rtol=tolerance, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize(
    ("config", "blocks"),
    [
        (CITY, {}),
        (CITY, {"ppo": {"normalisation": "padded", "target_kl": 0.5}}),
        pytest.param(LUX, {}, marks=pytest.mark.slow),
    ],
)
def test_captured_minibatches_learn_what_plain_ones_learn(config, blocks):
    with PretendedGpu() as gpu:
        played = collections(learner(config))
        with double_precision():
            check_alike(config, blocks, played, tolerance=1e-7)
        assert sum(graph.replays for graph in gpu.graphs) > 2 * len(gpu.graphs)


def check_alike(config, blocks, played, tolerance):
    """A plain and a captured learner."""
    plain, captured = (learner(config, capture, **blocks) for capture in (False, True))
    start = copy.deepcopy(plain.policy._model.state_dict())
    for step, episodes in enumerate(played):
        expected, found = (learn(one, episodes, 100 * step) for one in (plain, captured))
        assert len(found) == len(expected) > 3
        assert found[0].keys() == expected[0].keys()
        for one, other in zip(expected, found, strict=True):
            assert other == pytest.approx(one, rel=tolerance, abs=tolerance)
    check_equal(plain, captured, tolerance)
    assert any(not torch.equal(start[name], now) for name, now in captured.policy._model.state_dict().items())


def test_a_size_has_a_graph_until_a_collection_without_it():
    with PretendedGpu() as gpu:
        driven = learner()
        one, two, *_ = collections(driven)
        # Four steps in two minibatches of two, then eight in three of three, three and two.
        for episodes, graphs in ((one, 1), (one, 1), (two, 2), (two, 2), (one, 2), (two, 3)):
            learn(driven, episodes, 0)
            assert len(gpu.graphs) == graphs


def test_recordings_with_different_collections_are_alike():
    with PretendedGpu() as gpu:
        driven = learner()
        one, *_, other = collections(driven)
        learn(driven, one, 0)
        (captured,) = driven.policy._descent._captured._of_size.values()
        captured._graph = None
        learn(driven, other, 500)
        first, second = (graph.described() for graph in gpu.graphs)
        assert len(first) > 200
        assert first == second


def test_states_of_plain_and_captured_learners_can_be_exchanged():
    with PretendedGpu() as gpu:
        captured, plain = learner(), learner(capture=False)
        one, two, *_ = collections(captured)
        learn(captured, one, 100)
        torch.save(captured.policy.learn_mode.state_dict(), "state.pth.tar")
        for driven in (plain, captured):
            state = torch.load("state.pth.tar", weights_only=True, map_location="cpu")
            assert all(type(group["lr"]) is float for group in state["optimiser"]["param_groups"])
            driven.policy.learn_mode.load_state_dict(state)
            learn(driven, two, 200)
        check_equal(plain, captured, tolerance=1e-3)
        assert len(gpu.graphs) > 2
