"""DI-engine's QMIX network, also built from the four sizes that ``policy.model`` shares with COMA.

DI-engine's QMIX and COMA name the same sizes differently and refuse each other's names, so one config could not serve
both. `qmix_network` knows both spellings; ding_patches.py puts it in the place of DI-engine's constructor. The network
that it builds is DI-engine's own, and DI-engine's spelling means what it always did.
"""

from collections.abc import Mapping
from typing import Any

from ding.model.template.qmix import QMix
from ding.utils import MODEL_REGISTRY

SHARED_KEYS = {"agent_num", "obs_shape", "action_shape", "actor_hidden_size_list"}


def qmix_network(**sizes: Any) -> QMix:
    """DI-engine's network from the four shared sizes, or from its own arguments.

    Raises:
        TypeError: neither set of names.
    """
    return QMix(**_own_names(sizes))


@MODEL_REGISTRY.register("vdn")
def vdn_network(**sizes: Any) -> QMix:
    """As `qmix_network`, but the team's value is the plain sum of the agents' (VDN), which DI-engine calls no mixer."""
    return QMix(**{**_own_names(sizes), "mixer": False})


def _own_names(sizes: Mapping[str, Any]) -> dict[str, Any]:
    if sizes.keys() != SHARED_KEYS:
        return dict(sizes)
    return dict(
        agent_num=sizes["agent_num"],
        obs_shape=sizes["obs_shape"]["agent_state"],
        global_obs_shape=sizes["obs_shape"]["global_state"],
        action_shape=sizes["action_shape"],
        hidden_size_list=sizes["actor_hidden_size_list"],
    )
