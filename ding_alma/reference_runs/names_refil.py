"""Parameter names of the original REFIL repository's networks, for `ding_alma.reference_runs.names`."""

from ding_alma.reference_runs.names import HYPERNETWORKS, attention_names, linear_names

POOLING_NAMES: dict[str, str] = {
    **linear_names("attn.in_trans", "attention.project_in"),
    **linear_names("attn.out_trans", "attention.project_out"),
}
"""Of the pool that takes the place of attention in the ablation; attention has no input bias."""
DIRECT_AGENT_NAMES: dict[str, str] = {
    **linear_names("fc1", "encoder.encode"),
    **POOLING_NAMES,
    **linear_names("fc2", "utility"),
}
RECURRENT_AGENT_NAMES: dict[str, str] = {
    **linear_names("fc1", "encoder.encode"),
    **POOLING_NAMES,
    **linear_names("fc2", "hidden"),
    **{f"rnn.{part}": f"recurrence.{part}_l0" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
    **linear_names("fc3", "utility"),
}
MIXER_NAMES: dict[str, str] = {}
"""Of the flexible mixer; the linear one has two of the four hypernetworks."""
for _theirs, _ours in HYPERNETWORKS.items():
    MIXER_NAMES |= linear_names(f"{_theirs}.fc1", f"{_ours}.encode")
    MIXER_NAMES |= attention_names(f"{_theirs}.attn", f"{_ours}.attention")
    MIXER_NAMES |= linear_names(f"{_theirs}.fc2", f"{_ours}.head")
