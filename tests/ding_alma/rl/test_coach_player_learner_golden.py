import pytest
import torch
from coach_player_loss import CoachPlayerConfig, SegmentDraws, coach_player_loss
from golden_copa import TABLES, coach_player, segment, tensors
from golden_value import assert_close

from ding_alma.reference_runs.names_copa import convert_copa


def _draws(golden, step):
    drawn = {
        "coach_noise": "eps_coach_t0",
        "target_first_noise": "eps_target_t0",
        "target_last_noise": "eps_target_T",
        "chosen": "im_sample",
    }
    read = {
        ours: torch.from_numpy(golden[f"{step}.{theirs}"])
        for ours, theirs in drawn.items()
        if _has(golden, step, theirs)
    }
    if "chosen" in read:
        read["chosen"] = read["chosen"] > 0
    return SegmentDraws(**read)


def _has(golden, step, name):
    return f"{step}.{name}" in golden


def _parameters(networks, names):
    modules = (getattr(networks, name) for name in names)
    return [parameter for module in modules if module is not None for parameter in module.parameters()]


@pytest.mark.golden("copa", "learner")
def test_golden_copa_updates(golden):
    live, target = coach_player(golden), coach_player(golden, "target_")
    setting = {key.removeprefix("hp."): value.item() for key, value in golden.items() if key.startswith("hp.")}
    imagines = "s0.im_sample" in golden
    config = CoachPlayerConfig(
        gamma=setting["gamma"],
        strategy_weight=setting["vi_lambda"],
        imagined_weight=setting["imaginary_lambda"] if imagines else 0.0,
    )
    groups = [_parameters(live, ("player", "mixer")), _parameters(live, ("coach", "recognition"))]
    groups = [group for group in groups if group]
    optimisers = [
        torch.optim.RMSprop(group, setting["lr"], setting["optim_alpha"], setting["optim_eps"]) for group in groups
    ]
    steps = sorted({key.split(".")[0] for key in golden if key.endswith(".td_loss")})
    assert len(steps) > 1
    for step in steps:
        data = segment(golden, f"{step}.")
        assert data.reward.shape[1] == setting["T"] + 1
        loss, metrics = coach_player_loss(live, target, data, config, _draws(golden, step))
        logged = {"td_loss": "td_loss", "im_td_loss": "im_td_loss", "vi_loss": "vi_loss", "entropy": "entropy"}
        logged |= {"q_loss": "q_loss_logged"}
        for ours, theirs in logged.items():
            if _has(golden, step, theirs):
                assert metrics[ours].item() == pytest.approx(golden[f"{step}.{theirs}"].item(), rel=1e-5), theirs
        assert ("vi_loss" in metrics) == _has(golden, step, "vi_loss")
        if _has(golden, step, "total_loss"):
            assert loss.item() == pytest.approx(golden[f"{step}.total_loss"].item(), rel=1e-5)
        for optimiser in optimisers:
            optimiser.zero_grad()
        loss.backward()
        norms = [torch.nn.utils.clip_grad_norm_(group, setting["grad_norm_clip"]) for group in groups]
        assert norms[0].item() == pytest.approx(golden[f"{step}.grad_norm"].item(), rel=1e-5)
        _compare(golden, f"{step}.grad_clipped.", live, gradient=True)
        for optimiser in optimisers:
            optimiser.step()
        _compare(golden, f"{step}.after.", live, gradient=False)


def _compare(golden, prefix, networks, gradient):
    for module, (attribute, table) in TABLES.items():
        expected = convert_copa(tensors(golden, f"{prefix}{module}."), table)
        ours = dict(getattr(networks, attribute).named_parameters()) if expected else {}
        assert set(expected) <= set(ours)
        for name in expected:
            assert_close(ours[name].grad if gradient else ours[name], expected, name)
