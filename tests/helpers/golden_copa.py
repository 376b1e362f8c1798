"""Golden files of the original COPA, whose masks already mean what ours do."""

import torch
from coach_player import Player, StrategyCoach, StrategyRecognition
from coach_player_loss import CoachPlayer, Segment
from coach_player_mixer import CoachMixer, TeamMixer

from ding_alma.reference_runs.names_copa import (
    COACH_NAMES,
    MIXER_NAMES,
    PLAYER_NAMES,
    RECOGNITION_NAMES,
    load_copa,
)

TABLES = {
    "agent": ("player", PLAYER_NAMES),
    "mixer": ("mixer", MIXER_NAMES),
    "coach": ("coach", COACH_NAMES),
    "vi": ("recognition", RECOGNITION_NAMES),
}
"""Golden module name -> our attribute of `CoachPlayer` and table of names."""


def tensors(golden, prefix):
    """All tensors whose key starts with ``prefix``, without it."""
    return {key[len(prefix) :]: torch.from_numpy(value) for key, value in golden.items() if key.startswith(prefix)}


def _encoder_sizes(state, prefix=""):
    """Features of agents and others, width and heads."""
    dim, agents = state[f"{prefix}agent_encode.weight"].shape
    heads = sum(name.startswith(f"{prefix}mha.WQs.") for name in state)
    return agents, state[f"{prefix}other_encode.weight"].shape[1], dim, heads


def player(golden, prefix="agent."):
    state = tensors(golden, prefix)
    agents, others, dim, heads = _encoder_sizes(state)
    actions = state["q_head.2.weight"].shape[0]
    network = Player(agents - actions, others, actions, dim, heads, state["q_head.0.weight"].shape[1] - dim)
    load_copa(network, state, PLAYER_NAMES)
    return network


def coach(golden, prefix="coach."):
    state = tensors(golden, prefix)
    network = StrategyCoach(*_encoder_sizes(state))
    load_copa(network, state, COACH_NAMES)
    return network


def recognition(golden, prefix="vi."):
    state = tensors(golden, prefix)
    agents, others, dim, heads = _encoder_sizes(state)
    actions = state["action_embedding.weight"].shape[0]
    network = StrategyRecognition(agents - actions, others, actions, dim, heads)
    load_copa(network, state, RECOGNITION_NAMES)
    return network


def mixer(golden, prefix="mixer."):
    state = tensors(golden, prefix)
    if "coach_mixer_W1.0.weight" in state:
        hidden, dim = state["coach_mixer_W1.0.weight"].shape
        network = CoachMixer(dim, hidden, state["coach_mixer_W1.2.weight"].shape[0])
    else:
        mixing, hidden = state["mixer_W1.head.2.weight"].shape
        network = TeamMixer(*_encoder_sizes(state, "mixer_W1."), hidden, mixing)
    load_copa(network, state, MIXER_NAMES)
    return network


def coach_player(golden, prefix=""):
    """All networks that are stored; a target has no recognition network."""
    builders = {"coach": coach, "vi": recognition}
    stored = {
        TABLES[name][0]: build(golden, f"{prefix}{name}.")
        for name, build in builders.items()
        if tensors(golden, f"{prefix}{name}.")
    }
    return CoachPlayer(player(golden, f"{prefix}agent."), mixer(golden, f"{prefix}mixer."), **stored)


def agents_and_others(golden, attributes="c_minus_half"):
    """Features of agents (..., A, F) and of the others, as the networks get them."""
    read = {name: torch.from_numpy(golden[name]) for name in ("o", "e", attributes)}
    return torch.cat([read["o"], read[attributes]], -1), read["e"]


def segment(golden, prefix):
    """The `Segment` of one learner step, prepared as the original's learner does."""
    read = tensors(golden, prefix)
    full = read["ms"] > 0
    present = full.any(-1)
    agents = torch.cat([read["o"], read["c"] - 0.5], -1) * present.unsqueeze(-1)
    return Segment(agents, read["e"], read["m"] > 0, full, read["actions"] * present, read["reward"])
