"""Parameter names of the original ALMA repository's allocation networks, for `ding_alma.reference_runs.names`."""

from collections.abc import Mapping

from torch import Tensor

from ding_alma.model.allocation.critic import AllocationCritic
from ding_alma.model.allocation.proposal import ProposalNetwork
from ding_alma.reference_runs.names import convert, load

_ATTENTION = {
    "in_trans.weight": "project_in.weight",
    "out_trans.weight": "project_out.weight",
    "out_trans.bias": "project_out.bias",
}
PROPOSAL_NAMES = {
    "fc1.weight": "encoder.encode_entity.weight",
    "fc1.bias": "encoder.encode_entity.bias",
    "task_embed.fc.weight": "encoder.embed_subtask.project.weight",
    **{f"attn.{theirs}": f"encoder.attention.{ours}" for theirs, ours in _ATTENTION.items()},
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
    **{f"attn.{theirs}": f"attention.{ours}" for theirs, ours in _ATTENTION.items()},
    "count_embed.count_embed.weight": "embed_count.weight",
    "count_embed.count_embed.bias": "embed_count.bias",
    "out_fc.weight": "output.weight",
    "out_fc.bias": "output.bias",
    "popart_weight": "popart.weight",
    "popart_bias": "popart.bias",
    "targ_rms.mean": "popart.mean",
    "targ_rms.var": "popart.var",
}


def convert_proposal(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A reference proposal network's state dict (or its gradients) under our names; any variant.

    Raises:
        KeyError: a name that no proposal network of the reference has.
    """
    parameters = {key: value for key, value in state.items() if key != "sample_temp"}
    if "out_fc.weight" not in parameters:
        return convert(parameters, PROPOSAL_NAMES)
    # Without a pointer the reference carries an embedding that it never uses.
    parameters.pop("task_embed.fc.weight", None)
    return convert(parameters, POOLED_PROPOSAL_NAMES)


def load_proposal(network: ProposalNetwork, state: Mapping[str, Tensor]) -> None:
    """Load a reference state dict.

    Raises:
        KeyError: as `convert_proposal`.
        RuntimeError: names or shapes do not fit the network.
    """
    network.load_state_dict(convert_proposal(state))


def load_critic(critic: AllocationCritic, state: Mapping[str, Tensor]) -> None:
    """Load a reference state dict; absent Pop-Art statistics leave the critic without any.

    Raises:
        KeyError: a name that the reference's allocation critic does not have.
        RuntimeError: names or shapes do not fit the network.
    """
    load(critic, state, CRITIC_NAMES)
