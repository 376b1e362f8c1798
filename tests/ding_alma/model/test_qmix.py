"""DI-engine's QMIX from the sizes that it shares with COMA."""

from importlib import import_module

import pytest
import torch
from ding.model.template.qmix import QMix
from ding.policy import COMAPolicy, QMIXPolicy
from ding.utils import MODEL_REGISTRY, POLICY_REGISTRY

import ding_alma.plugin  # noqa: F401  (registers the constructors)

SHARED = dict(
    agent_num=3, obs_shape=dict(agent_state=11, global_state=7), action_shape=4, actor_hidden_size_list=[16, 8]
)
OWN = dict(agent_num=3, obs_shape=11, global_obs_shape=7, action_shape=4, hidden_size_list=[16, 8])


def _built(name, **sizes):
    torch.manual_seed(0)
    return MODEL_REGISTRY.build(name, **sizes)


def test_either_spelling_builds_ding_s_own_network():
    import_module(QMix.__module__)
    torch.manual_seed(0)
    expected = QMix(**OWN)
    for sizes in (SHARED, OWN):
        network = _built("qmix", **sizes)
        assert type(network) is QMix
        assert all(torch.equal(*pair) for pair in zip(network.parameters(), expected.parameters(), strict=True))
    assert not _built("qmix", **OWN, mixer=False).mixer
    with pytest.raises(TypeError, match="actor_hidden_size_list"):
        _built("qmix", **SHARED, dueling=True)


def test_a_team_s_value_is_the_sum_in_vdn_alone():
    observation = {
        "agent_state": torch.randn(2, 3, 11),
        "global_state": torch.randn(2, 7),
        "action_mask": torch.ones(2, 3, 4),
    }
    data = {"obs": observation, "prev_state": [[None] * 3] * 2, "action": torch.zeros(1, 2, 3, dtype=torch.int64)}
    for name, is_sum in (("vdn", True), ("qmix", False)):
        output = _built(name, **SHARED)(dict(data))
        assert torch.allclose(output["total_q"], output["logit"][..., 0].sum(-1)) == is_sum


def test_the_policies_are_ding_s_own():
    assert POLICY_REGISTRY.get("qmix") is QMIXPolicy and POLICY_REGISTRY.get("coma") is COMAPolicy
    for name, policy in (("qmix_command", QMIXPolicy), ("coma_command", COMAPolicy)):
        registered = POLICY_REGISTRY.get(name)
        assert issubclass(registered, policy) and registered.__module__.startswith("ding.")
