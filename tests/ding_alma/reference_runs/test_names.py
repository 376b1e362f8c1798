import pytest
import torch

from ding_alma.model.value.value_network import ValueNetwork, ValueShape
from ding_alma.reference_runs.names import AGENT_NAMES, COACH_NAMES, MIXER_NAMES, RECOGNITION_NAMES, convert, load


def test_the_tables_name_every_parameter_once():
    networks = ValueNetwork(ValueShape(4, 3, 2, 8, 2, 8, 8, 4), "embed", coach=True)
    for network, names in (
        (networks.agent, AGENT_NAMES),
        (networks.mixer, MIXER_NAMES),
        (networks.coach, COACH_NAMES),
        (networks.recognition, RECOGNITION_NAMES),
    ):
        ours = set(network.state_dict()) - {"popart.initialised"}
        assert set(names.values()) == ours
        assert len(names) == len(ours)


def test_unknown_names_of_the_reference_are_refused():
    with pytest.raises(KeyError, match="rnn"):
        convert({"_head.rnn.weight": torch.zeros(1)}, AGENT_NAMES)


def test_a_mixer_without_statistics_is_not_initialised():
    mixer = ValueNetwork(ValueShape(4, 3, 2, 8, 2, 8, 8, 4), "mask").mixer
    theirs = {name: mixer.state_dict()[ours].clone() for name, ours in MIXER_NAMES.items()}
    load(mixer, theirs, MIXER_NAMES)
    assert mixer.popart.initialised
    cold = {name: value for name, value in theirs.items() if not name.startswith("targ_rms")}
    load(mixer, cold, MIXER_NAMES)
    assert not mixer.popart.initialised
