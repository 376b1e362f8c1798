"""Golden files of the original REFIL, turned into our conventions (they mark what is masked, we mark what is there)."""

import numpy as np
import torch

from ding_alma.model.value.value_network import ValueNetwork, ValueShape
from ding_alma.reference_runs.names import load
from ding_alma.reference_runs.names_refil import DIRECT_AGENT_NAMES, MIXER_NAMES, RECURRENT_AGENT_NAMES
from ding_alma.rl.batch import EpisodeBatch
from ding_alma.rl.mixed_q import MixedQConfig, MixedQDraws, mixed_q_loss
from ding_alma.rl.refil import GROUPINGS, common_pairs, given_pairs, split_pairs

MODULES = ("agent", "mixer")
TRUE_SIZES = {"gamma": 0.99, "lmbda": 0.5, "double_q": 1, "entity_last_action": 1}
"""Of the file that stores no hyper-parameters, one update at the sizes of the paper."""
IMAGINED_GROUPS = {"gt": "given", "randgt": "random_given"}


def tensors(golden, prefix):
    """All tensors whose key starts with ``prefix``, without it."""
    return {key[len(prefix) :]: torch.from_numpy(value) for key, value in golden.items() if key.startswith(prefix)}


def there(masked):
    """Our mask of a golden one."""
    return torch.from_numpy(masked == 0)


def agent_kind(state):
    """Our name of the agent with this reference state dict, and its table of parameter names."""
    recurrent = "rnn.weight_ih" in state
    return ("recurrent", RECURRENT_AGENT_NAMES) if recurrent else ("direct", DIRECT_AGENT_NAMES)


def mixer_kind(state):
    """Our name of the mixer with this reference state dict."""
    return "flex" if "hyper_b_1.fc1.weight" in state else "linear" if state else "vdn"


def heads_of(state, prefix=""):
    """Attention heads, by the width of a head's square root; 1 without attention."""
    scale = state.get(f"{prefix}attn.scale_factor")
    return 1 if scale is None else round(state[f"{prefix}fc1.weight"].shape[0] / scale.item() ** 2)


def value_network(golden, prefix="", softmax=True, shown_last_action=True, pooling="attention"):
    """Our networks with the weights stored under ``<prefix>agent.`` and ``<prefix>mixer.``."""
    agent, mixer = (tensors(golden, f"{prefix}{module}.") for module in MODULES)
    kind, table = agent_kind(agent)
    heads = heads_of(agent)
    last = agent["fc3.weight"] if kind == "recurrent" else agent["fc2.weight"]
    actions = last.shape[0]
    inputs = agent["fc1.weight"].shape[1]
    hypernet = mixer.get("hyper_w_1.fc1.weight", torch.empty(heads, inputs))
    mixing = mixer.get("hyper_w_1.fc2.weight", torch.empty(1, heads))
    networks = ValueNetwork(
        ValueShape(
            features=inputs - actions if shown_last_action else inputs,
            actions=actions,
            subtasks=1,
            attention_dim=agent["fc1.weight"].shape[0],
            attention_heads=heads,
            hidden_dim=last.shape[1],
            hypernet_dim=hypernet.shape[0],
            mixing_dim=mixing.shape[0],
            last_action=shown_last_action,
        ),
        "none",
        softmax_mixing=softmax,
        mixer_bias_abs=False,
        popart=False,
        agent=kind,
        mixer=mixer_kind(mixer),
        pooling=pooling,
    )
    load(networks.agent, agent, table)
    load(networks.mixer, mixer, MIXER_NAMES)
    return networks


def groups_of(different):
    """Group numbers (..., E) of a matrix (..., E, E) with 1 = another group."""
    return torch.from_numpy((different == 0).argmax(-1))


def split_of(golden, kind, exists, agents, prefix=""):
    """The imagined groups of a case: ``kind`` is one of `GROUPINGS`."""
    assert kind in GROUPINGS
    drawn = given = None
    if kind != "given":
        drawn = split_pairs(torch.from_numpy(golden[f"{prefix}partition_not_in_A"][:, 0] == 1), exists[:, 0], agents)
    if kind != "random":
        given = given_pairs(groups_of(golden["gt_mask"]), exists, agents)
    return drawn if given is None else given if drawn is None else common_pairs(drawn, given)


def episode_batch(golden, prefix=""):
    """The `EpisodeBatch` of one learner step."""
    read = {key.removeprefix(prefix): value for key, value in golden.items() if key.startswith(prefix)}
    agents = read["actions"].shape[2]
    rows, steps, entities = read["entity_mask"].shape
    terminated = read["terminated"][..., 0] == 1
    ended = np.concatenate([np.zeros((rows, 1), bool), terminated[:, :-1]], 1)
    valid = (read["filled"][..., 0] == 1) & ~ended
    valid[:, -1] = False
    last_action = np.concatenate([np.full_like(read["actions"][:, :1], -1), read["actions"][:, :-1]], 1)[..., 0]
    none = torch.full((rows, steps, entities), -1)
    return EpisodeBatch(
        entities=torch.from_numpy(read["entities"]),
        entity_mask=there(read["entity_mask"]),
        obs_mask=there(read["obs_mask"][:, :, :agents]),
        entity_subtask=none,
        subtask_mask=torch.ones(rows, steps, 1, dtype=torch.bool),
        action_mask=torch.from_numpy(read["avail_actions"] == 1),
        action_subtask=None,
        allocation=none[..., :agents],
        action=torch.from_numpy(read["actions"][..., 0]),
        last_action=torch.from_numpy(last_action),
        reward=torch.from_numpy(read["reward"][..., 0]),
        subtask_reward=torch.zeros(rows, steps, 1),
        terminated=torch.from_numpy(terminated),
        last_transition=torch.from_numpy(terminated),
        subtask_done=torch.zeros(rows, steps, 1, dtype=torch.bool),
        decision=torch.zeros(rows, steps, dtype=torch.bool),
        valid=torch.from_numpy(valid),
        collected_at=torch.zeros(rows, dtype=torch.int64),
        groups=groups_of(read["gt_mask"]) if "gt_mask" in read else None,
    )


def setting(golden, name):
    """One hyper-parameter of a learner case."""
    return golden[f"hp.{name}"].item() if f"hp.{name}" in golden else TRUE_SIZES[name]


def learner_case(golden, name):
    """Live and target networks and the configuration of the loss."""
    softmax = golden["hp.softmax_mixing_weights"].item() == 1 if "hp.softmax_mixing_weights" in golden else True
    options = dict(
        softmax=softmax,
        shown_last_action=bool(setting(golden, "entity_last_action")),
    )
    live = value_network(golden, **options)
    target = value_network(golden, "target_" if "target_agent.fc1.weight" in golden else "", **options)
    config = MixedQConfig(
        gamma=setting(golden, "gamma"),
        double_q=bool(setting(golden, "double_q")),
        imagined_weight=setting(golden, "lmbda") if "refil" in name else 0.0,
        imagined_groups=IMAGINED_GROUPS.get(name.split("_")[-1], "random"),
    )
    return live, target, config


def learner_loss(golden, prefix, live, target, config):
    """`mixed_q_loss` of the learner step whose arrays begin with ``prefix``."""
    groups = golden.get(f"{prefix}partition_not_in_A")
    draws = MixedQDraws(groups=None if groups is None else torch.from_numpy(groups[:, 0] == 1))
    return mixed_q_loss(live, target, episode_batch(golden, prefix), config, draws)
