"""Parameter names of the original COPA repository's networks, for `ding_alma.reference_runs.names`."""

from collections.abc import Mapping

from torch import Tensor, nn

from ding_alma.reference_runs.names import Names, convert, linear_names

UNUSED = ("fc1.", "action_embedding.")
"""What the original stores and never uses, or never changes: a layer without effect, an identity matrix."""
MOST_HEADS = 16


def averaged_attention_names(theirs: str, ours: str) -> dict[str, str]:
    """Of one `AveragedAttention`, prefixes with their dots."""
    names = linear_names(f"{theirs}encode.1", f"{ours}encode")
    for matrix, parameter in (("WQs", "query"), ("WKs", "key"), ("WVs", "value")):
        names |= {f"{theirs}{matrix}.{head}": f"{ours}{parameter}.{head}" for head in range(MOST_HEADS)}
    return names


def _encoder_names(theirs: str = "", ours: str = "") -> dict[str, str]:
    return {
        **linear_names(f"{theirs}agent_encode", f"{ours}encoder.encode_agent"),
        **linear_names(f"{theirs}other_encode", f"{ours}encoder.encode_other"),
        **averaged_attention_names(f"{theirs}mha.", f"{ours}encoder.attention."),
    }


def _two_layer_names(theirs: str, ours: str) -> dict[str, str]:
    return {**linear_names(f"{theirs}.0", f"{ours}.0"), **linear_names(f"{theirs}.2", f"{ours}.2")}


COACH_NAMES: dict[str, str] = {
    **_encoder_names(),
    **linear_names("mean", "mean"),
    **linear_names("logvar", "log_variance"),
}
PLAYER_NAMES: dict[str, str] = {
    **_encoder_names(),
    **_two_layer_names("personal", "embedding"),
    **{f"rnn.{part}": f"recurrence.{part}" for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
    **_two_layer_names("q_head", "utility"),
}
RECOGNITION_NAMES: dict[str, str] = {
    **_encoder_names(),
    **_two_layer_names("mean", "mean"),
    **_two_layer_names("logvar", "log_variance"),
}
_WEIGHTS = {"W1": "agent_weight", "b1": "hidden_bias", "w2": "value_weight", "b2": "value_bias"}
MIXER_NAMES: dict[str, str] = {}
"""Of both mixers; a state holds the names of one of them."""
for _theirs, _ours in _WEIGHTS.items():
    MIXER_NAMES |= _two_layer_names(f"coach_mixer_{_theirs}", _ours)
    MIXER_NAMES |= _encoder_names(f"mixer_{_theirs}.", f"{_ours}.")
    MIXER_NAMES |= _two_layer_names(f"mixer_{_theirs}.head", f"{_ours}.head")


def convert_copa(state: Mapping[str, Tensor], names: Names) -> dict[str, Tensor]:
    """An original state dict (or its gradients) under our names, without what it never uses.

    Raises:
        KeyError: a name that the table does not hold.
    """
    return convert({name: value for name, value in state.items() if not name.startswith(UNUSED)}, names)


def load_copa(network: nn.Module, state: Mapping[str, Tensor], names: Names) -> None:
    """Load an original state dict into one of our networks.

    Raises:
        KeyError: as `convert_copa`.
        RuntimeError: names or shapes do not fit the network.
    """
    network.load_state_dict(convert_copa(state, names))
