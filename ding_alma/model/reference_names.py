"""Parameter names of the original ALMA repository's low-level networks, and conversion of its checkpoints."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ding_alma.model.mixer import NETWORKS

Target = str | tuple[str, int]
"""Our name, with the position in our stack of parameters where several of theirs make one of ours."""


def _attention(theirs: str, ours: str) -> dict[str, Target]:
    return {
        f"{theirs}.in_trans.weight": f"{ours}.project_in.weight",
        f"{theirs}.out_trans.weight": f"{ours}.project_out.weight",
        f"{theirs}.out_trans.bias": f"{ours}.project_out.bias",
    }


def _linear(theirs: str, ours: str) -> dict[str, Target]:
    return {f"{theirs}.{part}": f"{ours}.{part}" for part in ("weight", "bias")}


EMBEDDING_NAMES: dict[str, Target] = {"task_embed.fc.weight": "encoder.embedding.project.weight"}
AGENT_NAMES: dict[str, Target] = {
    **_linear("_base.fc1", "encoder.encode"),
    **_attention("_base.attn", "attention"),
    **_linear("_base.fc2", "hidden"),
    **_linear("_head.fc_out", "utility"),
    **EMBEDDING_NAMES,
}
HYPERNETWORK_NAMES = dict(zip(("hyper_w_1", "hyper_w_final", "hyper_b_1", "V"), range(len(NETWORKS)), strict=True))
MIXER_NAMES: dict[str, Target] = {
    f"{network}.{theirs}": (f"hypernetworks.{ours}", position)
    for network, position in HYPERNETWORK_NAMES.items()
    for theirs, ours in {
        "fc1.weight": "encode_weight",
        "fc1.bias": "encode_bias",
        "attn.in_trans.weight": "project_in_weight",
        "attn.out_trans.weight": "project_out_weight",
        "attn.out_trans.bias": "project_out_bias",
        "fc2.weight": "head_weight",
        "fc2.bias": "head_bias",
    }.items()
} | {
    "popart_weight": "popart.weight",
    "popart_bias": "popart.bias",
    "targ_rms.mean": "popart.mean",
    "targ_rms.var": "popart.var",
}
_STRATEGY_NAMES: dict[str, Target] = {
    **_linear("entity_encode", "encoder.encode"),
    **_attention("mha", "attention"),
    **EMBEDDING_NAMES,
}
COACH_NAMES: dict[str, Target] = {
    **_STRATEGY_NAMES,
    **_linear("mean", "mean"),
    **_linear("logvar", "log_variance"),
}
RECOGNITION_NAMES: dict[str, Target] = {
    **_STRATEGY_NAMES,
    "action_embedding.weight": "action.weight",
    **{
        theirs: ours
        for layer in (0, 2)
        for theirs, ours in (
            _linear(f"mean.{layer}", f"mean.{layer}") | _linear(f"logvar.{layer}", f"log_variance.{layer}")
        ).items()
    },
}


def convert(state: Mapping[str, Tensor], names: Mapping[str, Target]) -> dict[str, Tensor]:
    """A reference state dict (or its gradients) under our names and in our layout.

    Attention scales are constants and dropped. Pop-Art entries lose the reference's leading axes of length one; a
    mixer state with statistics is marked as initialised, one without any is left without.

    Args:
        state: the reference's names to tensors.
        names: one of this module's tables.

    Raises:
        KeyError: a name that the table does not hold.
        ValueError: some networks of a stack are missing.
    """
    converted: dict[str, Tensor] = {}
    stacks: dict[str, dict[int, Tensor]] = {}
    for theirs, value in state.items():
        if theirs.endswith("scale_factor"):
            continue
        if theirs not in names:
            raise KeyError(f"unknown parameter {theirs!r} of the reference; known are {sorted(names)}")
        ours = names[theirs]
        if isinstance(ours, tuple):
            stacks.setdefault(ours[0], {})[ours[1]] = value
        elif ours.startswith("popart."):
            converted[ours] = value.reshape(() if ours in ("popart.mean", "popart.var") else -1)
        else:
            converted[ours] = value
    for ours, parts in stacks.items():
        if len(parts) != len(NETWORKS):
            raise ValueError(f"{ours} needs {len(NETWORKS)} networks of the reference, found positions {sorted(parts)}")
        converted[ours] = torch.stack([parts[position] for position in sorted(parts)])
    if "popart.mean" in converted:
        converted["popart.initialised"] = torch.ones((), dtype=torch.bool)
    return converted


def load(network: torch.nn.Module, state: Mapping[str, Tensor], names: Mapping[str, Target]) -> None:
    """Load a reference state dict into one of our networks; absent Pop-Art statistics leave it without any.

    Raises:
        KeyError, ValueError: as `convert`.
        RuntimeError: names or shapes do not fit the network.
    """
    converted = convert(state, names)
    if "popart.weight" in converted and "popart.mean" not in converted:
        fresh = {"popart.mean": torch.zeros(()), "popart.var": torch.ones(())}
        converted |= fresh | {"popart.initialised": torch.zeros((), dtype=torch.bool)}
    network.load_state_dict(converted)
