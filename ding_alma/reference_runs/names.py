"""Parameter names of the original ALMA repository's agents and mixer, and conversion of its checkpoints."""

from collections.abc import Mapping

import torch
from torch import Tensor

Names = Mapping[str, str]
"""The reference's names to ours."""


def attention_names(theirs: str, ours: str) -> dict[str, str]:
    """Of one `EntityAttention` module."""
    return {
        f"{theirs}.in_trans.weight": f"{ours}.project_in.weight",
        f"{theirs}.out_trans.weight": f"{ours}.project_out.weight",
        f"{theirs}.out_trans.bias": f"{ours}.project_out.bias",
    }


def linear_names(theirs: str, ours: str) -> dict[str, str]:
    """Of one linear map with a bias."""
    return {f"{theirs}.{part}": f"{ours}.{part}" for part in ("weight", "bias")}


EMBEDDING_NAMES: dict[str, str] = {"task_embed.fc.weight": "encoder.embedding.project.weight"}
AGENT_NAMES: dict[str, str] = {
    **linear_names("_base.fc1", "encoder.encode"),
    **attention_names("_base.attn", "attention"),
    **linear_names("_base.fc2", "hidden"),
    **linear_names("_head.fc_out", "utility"),
    **EMBEDDING_NAMES,
}
HYPERNETWORKS = {
    "hyper_w_1": "agent_weight",
    "hyper_w_final": "value_weight",
    "hyper_b_1": "hidden_bias",
    "V": "value_bias",
}
MIXER_NAMES: dict[str, str] = {
    "popart_weight": "popart.weight",
    "popart_bias": "popart.bias",
    "targ_rms.mean": "popart.mean",
    "targ_rms.var": "popart.var",
}
for _theirs, _ours in HYPERNETWORKS.items():
    MIXER_NAMES |= linear_names(f"{_theirs}.fc1", f"{_ours}.encode")
    MIXER_NAMES |= attention_names(f"{_theirs}.attn", f"{_ours}.attention")
    MIXER_NAMES |= linear_names(f"{_theirs}.fc2", f"{_ours}.head")
_STRATEGY_NAMES: dict[str, str] = {
    **linear_names("entity_encode", "encoder.encode"),
    **attention_names("mha", "attention"),
    **EMBEDDING_NAMES,
}
COACH_NAMES: dict[str, str] = {
    **_STRATEGY_NAMES,
    **linear_names("mean", "mean"),
    **linear_names("logvar", "log_variance"),
}
RECOGNITION_NAMES: dict[str, str] = {
    **_STRATEGY_NAMES,
    "action_embedding.weight": "action.weight",
    **linear_names("mean.0", "mean.0"),
    **linear_names("mean.2", "mean.2"),
    **linear_names("logvar.0", "log_variance.0"),
    **linear_names("logvar.2", "log_variance.2"),
}


def convert(state: Mapping[str, Tensor], names: Names) -> dict[str, Tensor]:
    """A reference state dict (or its gradients) under our names and in our layout.

    Attention scales are constants and dropped. Pop-Art entries lose the reference's leading axes of length one; a
    mixer state with statistics is marked as initialised, one without any is left without.

    Args:
        state: the reference's names to tensors.
        names: one of this module's tables.

    Raises:
        KeyError: a name that the table does not hold.
    """
    converted: dict[str, Tensor] = {}
    for theirs, value in state.items():
        if theirs.endswith("scale_factor"):
            continue
        if theirs not in names:
            raise KeyError(f"unknown parameter {theirs!r} of the reference; known are {sorted(names)}")
        ours = names[theirs]
        if ours.startswith("popart."):
            value = value.reshape(() if ours in ("popart.mean", "popart.var") else -1)
        converted[ours] = value
    if "popart.mean" in converted:
        converted["popart.initialised"] = torch.ones((), dtype=torch.bool)
    return converted


def convert_whole(state: Mapping[str, Tensor], names: Names) -> dict[str, Tensor]:
    """`convert` for a network's whole state: absent Pop-Art statistics become those of a network without any.

    Raises:
        KeyError: as `convert`.
    """
    converted = convert(state, names)
    if "popart.weight" in converted and "popart.mean" not in converted:
        fresh = {"popart.mean": torch.zeros(()), "popart.var": torch.ones(())}
        converted |= fresh | {"popart.initialised": torch.zeros((), dtype=torch.bool)}
    return converted


def load(network: torch.nn.Module, state: Mapping[str, Tensor], names: Names) -> None:
    """Load a reference state dict into one of our networks; absent Pop-Art statistics leave it without any.

    Raises:
        KeyError: as `convert`.
        RuntimeError: names or shapes do not fit the network.
    """
    network.load_state_dict(convert_whole(state, names))
