"""What the weights of an original checkpoint say of the configuration that they need."""

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from easydict import EasyDict
from torch import Tensor

from ding_alma.reference_runs.files import FILES, ReferenceCheckpoint
from ding_alma.reference_runs.names import AGENT_NAMES, Names
from ding_alma.reference_runs.names_refil import DIRECT_AGENT_NAMES, RECURRENT_AGENT_NAMES
from ding_alma.run.run_error import RunError

POLICIES = ("alma", "aqmix", "refil", "copa")
"""Policies that the original repositories have."""
ARMY_FEATURES = 4
"""The last features of our StarCraft: what the army does, and movement. The original's single-army sets lack them."""


class AgentLayers(NamedTuple):
    """Where an original agent keeps what sizes are read from."""

    encode: str
    last: str
    attention_scale: str
    names: Names


AGENT_LAYERS = {
    "feedforward": AgentLayers("_base.fc1.weight", "_head.fc_out.weight", "_base.attn.scale_factor", AGENT_NAMES),
    "recurrent": AgentLayers("fc1.weight", "fc3.weight", "attn.scale_factor", RECURRENT_AGENT_NAMES),
    "direct": AgentLayers("fc1.weight", "fc2.weight", "attn.scale_factor", DIRECT_AGENT_NAMES),
}
"""By our name of the agent."""


def agent_kind(checkpoint: ReferenceCheckpoint) -> str:
    """A key of `AGENT_LAYERS`. Raises a RunError for agents that look at no entities."""
    state = checkpoint.states["agent"]
    names = {name for name in state if not name.endswith("scale_factor")}
    for kind, layers in AGENT_LAYERS.items():
        if layers.last in names <= layers.names.keys():
            return kind
    raise RunError(
        f"{checkpoint.origin}{FILES['agent']} holds {sorted(state)}: neither the agents of ALMA (a feed-forward "
        "network) nor those of REFIL (entity_attend_rnn, entity_attend_ff)"
    )


def fit_policy(
    policy: EasyDict, checkpoint: ReferenceCheckpoint, env_type: str
) -> tuple[ReferenceCheckpoint, list[str]]:
    """Set what the weights decide in ``policy``, a complete configuration; check what they cannot change.

    Args:
        env_type: the environment's name.

    Returns:
        the checkpoint, widened where the original's StarCraft has fewer features, and what was changed, one line each.

    Raises:
        RunError: the policy is not the one that was trained, or features, actions or subtasks differ.
    """
    kind = agent_kind(checkpoint)
    _check_policy(policy, checkpoint, kind)
    checkpoint, last_action, changes = _fit_inputs(policy, checkpoint, env_type, kind)
    values = _network_values(checkpoint, kind)
    if policy.type == "alma":
        found = {"agent": kind, "mixer": values["network.mixer"], "last_action": last_action}
        if found != {"agent": "feedforward", "mixer": "flex", "last_action": True}:
            raise RunError(f"policy alma has none of the networks {found}; set the policy's type to 'aqmix' or 'refil'")
        for key in ("network.agent", "network.mixer"):
            values.pop(key)
        values["network.conditioning"] = "embed" if "task_embed.fc.weight" in checkpoint.states["agent"] else "mask"
        values |= _allocation_values(checkpoint) if "proposal" in checkpoint else {}
    else:
        values["network.last_action"] = last_action
        values["network.pooling"] = _pooling(policy, checkpoint, kind)
    if "coach" in checkpoint:
        values["coach.labels"] = "task_embed.fc.weight" in checkpoint.states["coach"]
    for path, value in values.items():
        block, key = path.split(".")
        if policy[block][key] != value:
            changes.append(f"policy.{path}: {policy[block][key]} -> {value}")
            policy[block][key] = value
    return checkpoint, changes


def _check_policy(policy: EasyDict, checkpoint: ReferenceCheckpoint, kind: str) -> None:
    """Compare the policy's type with the files that are there and with the number of values that are mixed."""
    if policy.type not in POLICIES:
        raise RunError(f"the original repositories have no policy {policy.type!r}; set the type to one of {POLICIES}")
    wanted = _possible_policies(checkpoint, kind, policy.entity.subtasks)
    if policy.type not in wanted:
        raise RunError(
            f"{checkpoint.origin} was not trained as {policy.type!r}: set the policy's type to "
            + " or ".join(map(repr, wanted))
        )
    if policy.type == "alma" and "proposal" not in checkpoint and policy.allocation.source == "learned":
        raise RunError(
            f"{checkpoint.origin} has no {FILES['proposal']}: allocations were not learned; set "
            "policy.allocation.source to 'heuristic' or 'random'"
        )
    if (found := _mixed_values(checkpoint)) not in (None, 1, policy.entity.subtasks):
        raise RunError(_of_other_sizes(checkpoint, "subtasks", found, policy.entity.subtasks))


def _possible_policies(checkpoint: ReferenceCheckpoint, kind: str, subtasks: int) -> tuple[str, ...]:
    """The policies that may have written these files; without Pop-Art the mixer does not tell ALMA's from flat ones."""
    values = _mixed_values(checkpoint)
    if "coach" in checkpoint:
        return ("copa",)
    if "proposal" in checkpoint or (values or 0) > 1:
        return ("alma",)
    return ("aqmix", "refil") if kind != "feedforward" or values == 1 < subtasks else ("alma", "aqmix", "refil")


def _mixed_values(checkpoint: ReferenceCheckpoint) -> int | None:
    """Values that the mixer hands out: one, or one per subtask; None without Pop-Art."""
    weight = checkpoint.states["mixer"].get("popart_weight")
    return None if weight is None else weight.numel()


def _fit_inputs(
    policy: EasyDict, checkpoint: ReferenceCheckpoint, env_type: str, kind: str
) -> tuple[ReferenceCheckpoint, bool, list[str]]:
    """The checkpoint with as many features as the configuration, whether last actions are shown, what was changed."""
    layers, state = AGENT_LAYERS[kind], checkpoint.states["agent"]
    features, actions = policy.entity.features, policy.model.action_shape
    if (found := state[layers.last].shape[0]) != actions:
        raise RunError(_of_other_sizes(checkpoint, "actions", found, actions))
    inputs = state[layers.encode].shape[1]
    if inputs in (features, features + actions):
        return checkpoint, inputs > features, []
    if env_type == "smac_multiarmy" and inputs + ARMY_FEATURES == features + actions:
        change = f"first layers: {ARMY_FEATURES} columns of zeros for the features that the original's maps lack"
        return _widened(checkpoint, features - ARMY_FEATURES), True, [change]
    shown = f"{inputs - actions} beside the {actions} of the last action, or {inputs}"
    raise RunError(_of_other_sizes(checkpoint, "features", shown, features))


def _of_other_sizes(checkpoint: ReferenceCheckpoint, what: str, found: Any, configured: int) -> str:
    return (
        f"{checkpoint.origin} was trained with {found} {what}, the config has {configured}; "
        "use a config of the scenario that it was trained on"
    )


def _widened(checkpoint: ReferenceCheckpoint, at: int) -> ReferenceCheckpoint:
    """Zero columns for `ARMY_FEATURES` in front of column ``at`` of every layer that reads entities."""

    def widen(name: str, value: Tensor) -> Tensor:
        if not name.endswith("fc1.weight"):
            return value
        return torch.cat([value[:, :at], value.new_zeros(len(value), ARMY_FEATURES), value[:, at:]], 1)

    states = {
        network: {name: widen(name, value) for name, value in state.items()} if network in ("agent", "mixer") else state
        for network, state in checkpoint.states.items()
    }
    return replace(checkpoint, states=states)


def _network_values(checkpoint: ReferenceCheckpoint, kind: str) -> dict[str, Any]:
    layers, agent, mixer = AGENT_LAYERS[kind], checkpoint.states["agent"], checkpoint.states["mixer"]
    values: dict[str, Any] = {
        "network.agent": kind,
        "network.attention_dim": agent[layers.encode].shape[0],
        "network.mixer": "flex" if "hyper_b_1.fc1.weight" in mixer else "linear" if mixer else "vdn",
        "network.popart": "popart_weight" in mixer,
        "network.mixer_bias_abs": kind == "feedforward",
    }
    if kind != "direct":
        values["network.hidden_dim"] = agent[layers.last].shape[1]
    if layers.attention_scale in agent:
        values["network.attention_heads"] = _heads(agent[layers.attention_scale], values["network.attention_dim"])
    if "hyper_w_1.fc1.weight" in mixer:
        values["network.hypernet_dim"] = mixer["hyper_w_1.fc1.weight"].shape[0]
        values["network.mixing_dim"] = mixer["hyper_w_1.fc2.weight"].shape[0]
        scale = mixer["hyper_w_1.attn.scale_factor"]
        values.setdefault("network.attention_heads", _heads(scale, values["network.hypernet_dim"]))
    return values


def _pooling(policy: EasyDict, checkpoint: ReferenceCheckpoint, kind: str) -> str:
    if AGENT_LAYERS[kind].attention_scale in checkpoint.states["agent"]:
        return "attention"
    if policy.network.pooling == "attention":
        raise RunError(
            f"the agents of {checkpoint.origin} have no attention, and their weights do not tell what they have "
            "instead; set policy.network.pooling to 'max' or 'mean'"
        )
    return policy.network.pooling


def _allocation_values(checkpoint: ReferenceCheckpoint) -> dict[str, Any]:
    proposal, critic = (checkpoint.states[network] for network in ("proposal", "critic"))
    proposal_width, critic_width = proposal["fc1.weight"].shape[0], critic["in_fc_ent.weight"].shape[0]
    return {
        "allocation.source": "learned",
        "allocation.dim": critic_width,
        "allocation.proposal_dim": 0 if proposal_width == critic_width else proposal_width,
        "allocation.heads": _heads(critic["attn.scale_factor"], critic_width),
    }


def _heads(scale: Tensor, dim: int) -> int:
    """The original divides scores by ``scale``, the square root of a head's width."""
    return round(dim / scale.item() ** 2)
