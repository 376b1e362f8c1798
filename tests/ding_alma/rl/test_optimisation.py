import copy
from functools import partial

import torch
from torch import nn

from ding_alma.rl.optimisation import Descent


def test_one_vector_is_trained_like_many_tensors():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    network[0].bias.requires_grad_(False)
    plain = copy.deepcopy(network)
    rmsprop = partial(torch.optim.RMSprop, lr=0.01)
    descent = Descent(network, rmsprop, grad_norm_clip=0.5)
    trained = [p for p in plain.parameters() if p.requires_grad]
    optimiser = rmsprop(trained)
    for _ in range(5):
        x = torch.randn(7, 3)
        norm = descent.step(network(x).square().sum())
        optimiser.zero_grad()
        plain(x).square().sum().backward()
        expected = nn.utils.clip_grad_norm_(trained, 0.5)
        optimiser.step()
        torch.testing.assert_close(norm, expected)
    for ours, theirs in zip(network.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_descent_goes_on_from_its_state_and_from_loaded_weights():
    def new():
        torch.manual_seed(1)
        network = nn.Linear(3, 2)
        return network, Descent(network, partial(torch.optim.Adam, lr=0.1), 1.0)

    (one, descent), (other, continued) = new(), new()
    x = torch.randn(5, 3)
    for _ in range(3):
        descent.step(one(x).square().sum())
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    continued.load_state_dict(copy.deepcopy(descent.state_dict()))
    for network, steps in ((one, descent), (other, continued)):
        steps.step(network(x).square().sum())
    assert torch.equal(one.weight, other.weight) and torch.equal(one.bias, other.bias)
