"""A policy's own loss, as docs/add_policy.md has one, is what its agents learn by."""

import pytest
import torch
from tiny_runs import last_checkpoint, tiny_config, train

from ding_alma.policy.value_policy import ValuePolicy


@pytest.mark.parametrize("policy", ["aqmix", "refil", "copa", "alma"])
def test_agents_learn_by_the_loss_of_the_policy(policy, monkeypatch, tmp_path):
    """A loss without a gradient leaves the agents as they were."""
    monkeypatch.chdir(tmp_path)
    weights = {}
    own = ValuePolicy._value_loss
    for name, weight in (("learns", 1.0), ("stays", 0.0)):
        seen = []

        def loss(self, batch, draws, weight=weight, seen=seen):
            found, metrics = own(self, batch, draws)
            seen.append(tuple(batch.valid.shape))
            return weight * found, metrics

        monkeypatch.setattr(ValuePolicy, "_value_loss", loss)
        main, create = tiny_config(policy)
        main.exp_name = name
        train(main, create, seed=0, iterations=2)
        assert len(seen) >= 2
        weights[name] = last_checkpoint(tmp_path / name)["model"]
    begin = torch.load(tmp_path / "stays" / "ckpt" / "iteration_0.pth.tar", weights_only=True)["model"]
    agents = [key for key in begin if key.startswith("value_network.agent.")]
    assert all(torch.equal(weights["stays"][key], begin[key]) for key in agents)
    assert any(not torch.equal(weights["learns"][key], begin[key]) for key in agents)
