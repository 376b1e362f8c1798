import pytest
import torch
from golden_low_level import assert_close
from golden_refil import MODULES, agent_kind, episode_batch, low_level, tensors

from ding_alma.model.reference_names import convert
from ding_alma.model.reference_names_refil import MIXER_NAMES
from ding_alma.rl.low_level import LowLevelConfig, LowLevelDraws, low_level_loss

TRUE_SIZES = {"gamma": 0.99, "lmbda": 0.5, "double_q": 1, "entity_last_action": 1}
"""Of the file that stores no hyper-parameters, one update at the sizes of the paper."""
GROUPINGS = {"gt": "given", "randgt": "random_given"}


def _setting(golden, name):
    return golden[f"hp.{name}"].item() if f"hp.{name}" in golden else TRUE_SIZES[name]


def _case(golden, name):
    """Live and target networks and the configuration of the loss."""
    softmax = golden["hp.softmax_mixing_weights"].item() == 1 if "hp.softmax_mixing_weights" in golden else True
    options = dict(
        softmax=softmax,
        shown_last_action=bool(_setting(golden, "entity_last_action")),
    )
    live = low_level(golden, **options)
    target = low_level(golden, "target_" if "target_agent.fc1.weight" in golden else "", **options)
    config = LowLevelConfig(
        gamma=_setting(golden, "gamma"),
        double_q=bool(_setting(golden, "double_q")),
        imagined_weight=_setting(golden, "lmbda") if "refil" in name else 0.0,
        imagined_groups=GROUPINGS.get(name.split("_")[-1], "random"),
    )
    return live, target, config


def _loss(golden, prefix, live, target, config):
    groups = golden.get(f"{prefix}partition_not_in_A")
    draws = LowLevelDraws(groups=None if groups is None else torch.from_numpy(groups[:, 0] == 1))
    return low_level_loss(live, target, episode_batch(golden, prefix), config, draws)


def _same_number(ours, expected):
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-5)


def _tables(golden):
    return {"agent": agent_kind(tensors(golden, "agent."))[1], "mixer": MIXER_NAMES}


@pytest.mark.golden("refil", "learner")
def test_golden_refil_updates(golden, golden_path):
    live, target, config = _case(golden, golden_path.stem)
    if "hp.lr" not in golden:
        loss, metrics = _loss(golden, "", live, target, config)
        _same_number(loss, golden["loss"])
        _same_number(metrics["im_loss"], golden["loss_imagine"])
        loss.backward()
        _same_number(torch.nn.utils.clip_grad_norm_(live.parameters(), 1e9), golden["grad_norm"])
        return

    optimiser = torch.optim.RMSprop(
        live.parameters(), _setting(golden, "lr"), _setting(golden, "optim_alpha"), _setting(golden, "optim_eps")
    )
    steps = sorted({key.split(".")[0] for key in golden if key.endswith(".loss")})
    for step in steps:
        loss, metrics = _loss(golden, f"{step}.", live, target, config)
        _same_number(loss, golden[f"{step}.loss"])
        if config.imagined_weight:
            _same_number(metrics["im_loss"], golden[f"{step}.loss_imagine"])
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(live.parameters(), _setting(golden, "grad_norm_clip"))
        _same_number(norm, golden[f"{step}.grad_norm"])
        _compare(golden, f"{step}.grad_clipped.", live, gradient=True)
        optimiser.step()
        _compare(golden, f"{step}.after.", live, gradient=False)
        if golden[f"{step}.episode_num"] >= _setting(golden, "target_update_interval"):
            target.load_state_dict(live.state_dict())
    assert len(steps) > 1
    expected = convert(tensors(golden, "final.target_agent."), _tables(golden)["agent"])
    assert set(expected) == set(target.agent.state_dict())
    for name in expected:
        assert_close(target.agent.state_dict()[name], expected, name)


def _compare(golden, prefix, networks, gradient):
    for module in MODULES:
        expected = convert(tensors(golden, f"{prefix}{module}."), _tables(golden)[module])
        ours = {name: value.grad if gradient else value for name, value in getattr(networks, module).named_parameters()}
        assert not expected or set(expected) == set(ours)
        for name in expected:
            assert_close(ours[name], expected, name)
