import pytest
import torch
from golden_refil import MODULES, agent_kind, learner_case, learner_loss, setting, tensors
from golden_value import assert_close

from ding_alma.reference_runs.names import convert
from ding_alma.reference_runs.names_refil import MIXER_NAMES


def _same_number(ours, expected):
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-5)


def _tables(golden):
    return {"agent": agent_kind(tensors(golden, "agent."))[1], "mixer": MIXER_NAMES}


@pytest.mark.golden("refil", "learner")
def test_golden_refil_updates(golden, golden_path):
    live, target, config = learner_case(golden, golden_path.stem)
    if "hp.lr" not in golden:
        loss, metrics = learner_loss(golden, "", live, target, config)
        _same_number(loss, golden["loss"])
        _same_number(metrics["im_loss"], golden["loss_imagine"])
        loss.backward()
        _same_number(torch.nn.utils.clip_grad_norm_(live.parameters(), 1e9), golden["grad_norm"])
        return

    optimiser = torch.optim.RMSprop(
        live.parameters(), setting(golden, "lr"), setting(golden, "optim_alpha"), setting(golden, "optim_eps")
    )
    steps = sorted({key.split(".")[0] for key in golden if key.endswith(".loss")})
    for step in steps:
        loss, metrics = learner_loss(golden, f"{step}.", live, target, config)
        _same_number(loss, golden[f"{step}.loss"])
        if config.imagined_weight:
            _same_number(metrics["im_loss"], golden[f"{step}.loss_imagine"])
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(live.parameters(), setting(golden, "grad_norm_clip"))
        _same_number(norm, golden[f"{step}.grad_norm"])
        _compare(golden, f"{step}.grad_clipped.", live, gradient=True)
        optimiser.step()
        _compare(golden, f"{step}.after.", live, gradient=False)
        if golden[f"{step}.episode_num"] >= setting(golden, "target_update_interval"):
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
