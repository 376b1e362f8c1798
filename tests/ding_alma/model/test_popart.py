import numpy as np
import pytest
import torch

from ding_alma.model.popart import PopArt, Unnormalised


def _assert_close(ours, golden, name):
    expected = torch.from_numpy(golden[name])
    torch.testing.assert_close(ours.detach().expand_as(expected), expected, atol=1e-5, rtol=1e-5, msg=name)


@pytest.mark.golden("alma", "popart")
def test_golden_alma_popart(golden):
    for case in sorted({key.split("/")[0] for key in golden}):
        popart = PopArt(golden[f"{case}/init/weight"].size)
        with torch.no_grad():
            popart.weight.copy_(torch.from_numpy(golden[f"{case}/init/weight"].ravel()))
            popart.bias.copy_(torch.from_numpy(golden[f"{case}/init/bias"].ravel()))
        steps = sum(key.startswith(f"{case}/step") and key.endswith("/targets") for key in golden)
        for step in range(steps):
            now = f"{case}/step{step}"
            targets, mask = (torch.from_numpy(golden[f"{now}/{name}"]) for name in ("targets", "mask"))
            normalised = popart.update(targets, mask)
            _assert_close(normalised, golden, f"{now}/normalized")
            _assert_close(popart.mean, golden, f"{now}/mean")
            _assert_close(popart.var, golden, f"{now}/var")
            _assert_close(popart.weight, golden, f"{now}/weight")
            _assert_close(popart.bias, golden, f"{now}/bias")
            _assert_close(popart.denormalise(torch.full_like(normalised, 0.5)), golden, f"{now}/denorm_of_half")


def test_update_keeps_denormalised_outputs_where_they_were():
    torch.manual_seed(0)
    popart = PopArt(3)
    x, mask = torch.randn(50, 3), torch.ones(50, 3, dtype=torch.bool)
    popart.update(torch.randn(50, 3), mask)
    before = popart.denormalise(popart(x))
    popart.update(7 + 4 * torch.randn(50, 3), mask)
    torch.testing.assert_close(popart.denormalise(popart(x)), before)


def test_denormalise_is_the_identity_before_the_first_update():
    x = torch.randn(4, 2)
    assert torch.equal(PopArt(2).denormalise(x), x)


def test_masked_targets_do_not_count():
    targets = torch.tensor([[1.0], [2.0], [9e6]])
    mask = torch.tensor([[True], [True], [False]])
    masked, alone = PopArt(1), PopArt(1)
    masked.update(targets, mask)
    alone.update(targets[:2], mask[:2])
    torch.testing.assert_close((masked.mean, masked.var), (alone.mean, alone.var))


@pytest.mark.parametrize("warm", [False, True])
def test_an_empty_mask_changes_nothing(warm):
    popart = PopArt(2)
    if warm:
        popart.update(torch.randn(5, 2), torch.ones(5, 2))
    before = {key: value.clone() for key, value in popart.state_dict().items()}
    popart.update(torch.randn(5, 2), torch.zeros(5, 2))
    for key, value in popart.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_equal_targets_stay_finite():
    popart = PopArt(1)
    normalised = popart.update(torch.full((4, 1), 3.0), torch.ones(4, 1))
    assert np.isfinite(normalised.numpy()).all()


def test_predictions_across_an_update_have_the_old_value_and_the_new_gradient():
    torch.manual_seed(1)
    popart = PopArt(2)
    mask = torch.ones(6, 2)
    popart.update(torch.randn(6, 2), mask)
    x = torch.randn(6, 2, requires_grad=True)
    old = popart(x).detach()
    prediction, _ = popart.predict_across_update(x, 5 * torch.randn(6, 2), mask)
    torch.testing.assert_close(prediction.detach(), old)
    prediction.sum().backward()
    torch.testing.assert_close(x.grad, popart.weight.detach().expand(6, 2))
    torch.testing.assert_close(popart.weight.grad, x.detach().sum(0))
    torch.testing.assert_close(popart.bias.grad, torch.full((2,), 6.0))


def test_unnormalised_passes_everything_through():
    x, targets, mask = torch.randn(3, 1), torch.randn(3, 1), torch.zeros(3, 1)
    head = Unnormalised()
    assert head(x) is x and head.denormalise(x) is x and head.update(targets, mask) is targets
    assert head.predict_across_update(x, targets, mask) == (x, targets)
