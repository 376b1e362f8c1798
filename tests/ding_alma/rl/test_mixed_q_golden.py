import pytest
import torch
from golden_value import TABLES, assert_close, conditioning_of, learner_loss, networks, setting, tensors

from ding_alma.reference_runs.names import convert

LOGGED = {
    "losses.q_loss": "q_loss",
    "losses.im_loss": "im_loss",
    "losses.copa_vi_loss": "copa_vi_loss",
    "losses.copa_entropy_loss": "copa_entropy_loss",
    "train_metrics.td_error_abs": "td_error_abs",
    "train_metrics.q_taken_mean": "q_taken_mean",
    "train_metrics.target_mean": "target_mean",
}


@pytest.mark.golden("alma", "learner")
def test_golden_alma_value_update(golden, golden_path):
    conditioning = conditioning_of(golden_path.stem)
    options = dict(coach="param_coach/mean.weight" in golden)
    live = networks(golden, conditioning, **options)
    target = networks(golden, conditioning, "target_param_", **options)
    loss, metrics = learner_loss(golden, live, target)
    for theirs, ours in LOGGED.items():
        if f"log/{theirs}" in golden:
            assert_close(metrics[ours], golden, f"log/{theirs}")
    assert set(metrics) == {ours for theirs, ours in LOGGED.items() if f"log/{theirs}" in golden}

    loss.backward()
    trained = [parameter for parameter in live.parameters() if parameter.grad is not None]
    for module, (attribute, table) in TABLES.items():
        expected = tensors(golden, f"grad/{module}.")
        if expected:
            ours = {name: p.grad for name, p in getattr(live, attribute).named_parameters() if p.grad is not None}
            expected = convert(expected, table)
            assert set(ours) == set(expected)
            for name in expected:
                assert_close(ours[name], expected, name, tolerance=1e-4)

    optimizer = torch.optim.RMSprop(
        trained, setting(golden, "lr"), setting(golden, "optim_alpha"), setting(golden, "optim_eps")
    )
    norm = torch.nn.utils.clip_grad_norm_(trained, setting(golden, "grad_norm_clip"))
    assert_close(norm, golden, "log/train_metrics.q_grad_norm", tolerance=1e-4)
    optimizer.step()
    for module, (attribute, table) in TABLES.items():
        expected = convert(tensors(golden, f"post_{module}/"), table)
        ours = getattr(live, attribute).state_dict() if expected else {}
        assert set(expected) == set(ours)
        for name in expected:
            assert_close(ours[name], expected, name, tolerance=1e-4)
