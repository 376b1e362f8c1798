"""Every policy keeps its tensors where they belong on a GPU, as a pretended one tells."""

from dataclasses import replace

import pytest
import torch
from driven_policy import Driven, driven_config
from pretended_gpu import PretendedGpu

import ding_alma.model.attention.attention_plan as attention_plan
from ding_alma.policy.value_policy import ValuePolicy
from ding_alma.rl.batch import EpisodeBatch

CITY = "small/save_the_city_alma"
ENVIRONMENTS = (CITY, "small/smac_multiarmy_alma", "small/lux_alma", "group_matching_refil")
POLICIES = ("alma", "aqmix", "refil", "copa", "mppo")
# Every policy and every environment is among the quick ones: the other pairs are the same code once more.
PLACES = [
    pytest.param(policy, config, marks=() if config == CITY or policy == "alma" else pytest.mark.slow)
    for config in ENVIRONMENTS
    for policy in POLICIES
]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tensors(data):
    """All tensors of nested states."""
    if isinstance(data, torch.Tensor):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from tensors(value)


def check_policy(main, create):
    """Collect, learn, evaluate, save, load from what a file of the CPU's holds, and go on."""
    one = Driven(main, create)
    for _ in range(2):
        one.collect()
        one.update()
    state = one.policy.learn_mode.state_dict()
    kept = [*tensors({key: state[key] for key in ("model", "target") if key in state})]
    assert kept and all(value.is_cuda for value in kept)
    torch.save(state, "state.pth.tar")
    played = one.evaluate()
    assert played

    other = Driven(main, create, seed=1)
    other.policy.learn_mode.load_state_dict(torch.load("state.pth.tar", weights_only=True, map_location="cpu"))
    weights = other.policy._model.state_dict()
    assert all(value.is_cuda and torch.equal(value, state["model"][name]) for name, value in weights.items())
    other.policy.collect_mode.load_state_dict(one.policy.collect_mode.state_dict())
    other.collect()
    other.update()


@pytest.mark.parametrize(("policy", "config"), [*PLACES, ("mppo", "small/lux_mppo"), ("alma", "small/lbf_alma")])
def test_a_policy_acts_learns_and_is_loaded(policy, config):
    if "lbf" in config:
        pytest.importorskip("lbforaging", reason="lbforaging is not installed (extra lbf)")
    with PretendedGpu():
        check_policy(*driven_config(policy, config))


@pytest.mark.parametrize(
    ("policy", "changes"),
    [
        ("alma", {"network": {"conditioning": "embed"}, "learn": {"imagined_weight": 0.5, "td_lambda": 0.5}}),
        (
            "alma",
            {
                "network": {"subtask_agent": "pairwise", "subtask_mixer": "vdn"},
                "allocation": {"network": "pairwise"},
            },
        ),
        ("alma", {"allocation": {"source": "random"}}),
        ("alma", {"allocation": {"source": "heuristic"}}),
        ("alma", {"allocation": {"guidance": {"start": 0.5, "end": 0.5, "length": 1}}}),
        ("aqmix", {"network": {"agent": "recurrent", "mixer": "linear"}}),
        ("refil", {"network": {"agent": "recurrent"}, "other": {"replay_buffer": {"device": "cpu"}}}),
        ("refil", {"network": {"agent": "direct", "mixer": "vdn"}}),
        ("copa", {"coach": {"labels": True}, "learn": {"imagined_weight": 0.5}}),
        ("mppo", {"network": {"look": "pairwise"}}),
        ("mppo", {"separation": "none", "reduction": {"keep": 2, "by": "random"}}),
        ("coma_ext", {}),
    ],
)
def test_variants_keep_their_places_too(policy, changes):
    main, create = driven_config(policy, CITY)
    for name, block in changes.items():
        if isinstance(block, dict):
            main.policy.setdefault(name, {})
            for key, value in block.items():
                if isinstance(value, dict):
                    main.policy[name].setdefault(key, {}).update(value)
                else:
                    main.policy[name][key] = value
        else:
            main.policy[name] = block
    if policy == "coma_ext":
        main.policy.other.replay_buffer.pop("device")
    with PretendedGpu():
        check_policy(main, create)


def learner():
    """ALMA with a filled buffer."""
    driven = Driven(*driven_config("alma", CITY))
    driven.collect()
    return driven


def test_a_constant_on_the_cpu_is_found(monkeypatch):
    def one_hot(index, size):
        return (index.unsqueeze(-1) == torch.arange(size)).to(torch.float32)

    with PretendedGpu():
        driven = learner()
        monkeypatch.setattr(attention_plan, "one_hot", one_hot)
        with pytest.raises(RuntimeError, match="same device"):
            driven.update()


def test_a_batch_that_was_not_moved_is_found(monkeypatch):
    main, create = driven_config("aqmix", CITY)
    main.policy.other.replay_buffer.device = "cpu"
    with PretendedGpu():
        driven = Driven(main, create)
        driven.collect()
        monkeypatch.setattr(EpisodeBatch, "to", lambda self, device: replace(self))
        # Its device chooses the compiled loops, which cannot read the weights.
        with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
            driven.update()


@pytest.mark.parametrize("network", ["value_network", "allocator"])
def test_a_target_that_was_left_behind_is_found(monkeypatch, network):
    begin = ValuePolicy._init_learn

    def left_behind(self):
        begin(self)
        getattr(self._target, network).cpu()

    monkeypatch.setattr(ValuePolicy, "_init_learn", left_behind)
    with PretendedGpu():
        driven = learner()
        with pytest.raises(RuntimeError, match="same device"):
            driven.update()
