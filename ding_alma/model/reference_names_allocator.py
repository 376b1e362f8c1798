"""Parameter names of the original ALMA repository's allocation networks, and conversion of its checkpoints."""

from collections.abc import Mapping

import torch
from torch import Tensor

ATTENTION_NAMES = {
    "in_trans.weight": "project_in.weight",
    "out_trans.weight": "project_out.weight",
    "out_trans.bias": "project_out.bias",
}
PROPOSAL_NAMES = {
    "fc1.weight": "encoder.encode_entity.weight",
    "fc1.bias": "encoder.encode_entity.bias",
    "task_embed.fc.weight": "encoder.embed_subtask.project.weight",
    **{f"attn.{theirs}": f"encoder.attention.{ours}" for theirs, ours in ATTENTION_NAMES.items()},
    "count_embed.weight": "decoder.embed_count.weight",
    "count_embed.bias": "decoder.embed_count.bias",
    "embed_update.weight": "decoder.update_subtask.weight",
    "embed_update.bias": "decoder.update_subtask.bias",
}
POOLED_PROPOSAL_NAMES = {
    **{theirs: ours for theirs, ours in PROPOSAL_NAMES.items() if not theirs.startswith(("count", "embed_", "task_"))},
    "embed_update.weight": "decoder.update_pool.weight",
    "embed_update.bias": "decoder.update_pool.bias",
    "out_fc.weight": "decoder.output.weight",
    "out_fc.bias": "decoder.output.bias",
}
"""Of the variant without a pointer (``nopointer``)."""
CRITIC_NAMES = {
    "in_fc_ent.weight": "encode_entity.weight",
    "in_fc_ent.bias": "encode_entity.bias",
    "in_fc_alloc.fc.weight": "embed_subtask.project.weight",
    **{f"attn.{theirs}": f"attention.{ours}" for theirs, ours in ATTENTION_NAMES.items()},
    "count_embed.count_embed.weight": "embed_count.weight",
    "count_embed.count_embed.bias": "embed_count.bias",
    "out_fc.weight": "output.weight",
    "out_fc.bias": "output.bias",
    "popart_weight": "popart.weight",
    "popart_bias": "popart.bias",
    "targ_rms.mean": "popart.mean",
    "targ_rms.var": "popart.var",
}
CONSTANTS = ("scale_factor", "sample_temp", "attn.scale_factor")
"""Entries of the reference's state that hold no parameter."""


def convert_proposal_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of our `ProposalNetwork` (any variant) from a reference one.

    Raises:
        KeyError: a name that the reference's proposal network does not have.
    """
    if "out_fc.weight" not in state:
        return _rename(state, PROPOSAL_NAMES)
    # Without a pointer the reference carries an embedding that it never uses.
    return _rename({k: v for k, v in state.items() if k != "task_embed.fc.weight"}, POOLED_PROPOSAL_NAMES)


def convert_critic_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of our `AllocationCritic` from a reference one; missing statistics mean that none have been gathered.

    Raises:
        KeyError: a name that the reference's allocation critic does not have.
    """
    renamed = _rename(state, CRITIC_NAMES)
    for key in ("popart.weight", "popart.bias"):
        if key in renamed:
            renamed[key] = renamed[key].reshape(-1)
    if "popart.weight" in renamed:
        gathered = "popart.mean" in renamed
        renamed["popart.mean"] = renamed["popart.mean"].reshape(()) if gathered else torch.zeros(())
        renamed["popart.var"] = renamed["popart.var"].reshape(()) if gathered else torch.ones(())
        renamed["popart.initialised"] = torch.tensor(gathered)
    return renamed


def _rename(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    unknown = [key for key in state if key not in names and key not in CONSTANTS]
    if unknown:
        raise KeyError(f"not a parameter of the reference's network: {unknown}; expected names: {sorted(names)}")
    return {names[key]: value for key, value in state.items() if key in names}
