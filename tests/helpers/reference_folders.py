"""Checkpoint folders as the original repositories write them, and configs to read them with."""

import math
from collections import OrderedDict
from pathlib import Path

import torch
from default_hooks import default_hooks

from ding_alma.reference_runs.files import FILES
from ding_alma.reference_runs.import_run import PLACES
from ding_alma.reference_runs.names import AGENT_NAMES, COACH_NAMES, MIXER_NAMES, RECOGNITION_NAMES
from ding_alma.reference_runs.names_allocator import CRITIC_NAMES, PROPOSAL_NAMES
from dizoo_ext.contract import EntitySpec

GOLDEN_NAMES = {"alloc_policy": "proposal", "alloc_critic": "critic", "recog": "recognition"}
"""Golden module -> name in `FILES` where they differ."""
TABLES = {
    "agent": AGENT_NAMES,
    "mixer": MIXER_NAMES,
    "proposal": PROPOSAL_NAMES,
    "critic": CRITIC_NAMES,
    "coach": COACH_NAMES,
    "recognition": RECOGNITION_NAMES,
}


def write_folder(prefix, states, legacy=False):
    """Save states (network -> name -> tensor) as ``<prefix>agent.th`` and so on.

    Mixers and critics with Pop-Art become pairs, as in the originals. ``legacy`` is the format of torch 1.1.
    """
    Path(f"{prefix}agent.th").parent.mkdir(parents=True, exist_ok=True)
    for network, state in states.items():
        saved = OrderedDict((name, value) for name, value in state.items() if not name.startswith("targ_rms."))
        if "popart_weight" in state:
            saved = ({part: state.get(f"targ_rms.{part}") for part in ("mean", "var")}, saved)
        torch.save(saved, f"{prefix}{FILES[network]}", _use_new_zipfile_serialization=not legacy)
    # Nobody is to read the optimiser: what unpickles it may run anything.
    Path(f"{prefix}opt.th").write_bytes(b"not a checkpoint")


def golden_states(golden, prefix="param_", separator="/"):
    """Network -> state of a golden file's modules, those with names like ``<prefix>agent/``."""
    states = {}
    for module in ("agent", "mixer", "alloc_policy", "alloc_critic", "coach", "recog"):
        start = f"{prefix}{module}{separator}"
        state = {k.removeprefix(start): torch.from_numpy(v) for k, v in golden.items() if k.startswith(start)}
        if state:
            states[GOLDEN_NAMES.get(module, module)] = state
    return states


def reference_states(model, heads):
    """Network -> state under the original's names, of one of our models' states."""
    states = {}
    for network, place in PLACES.items():
        state = {theirs: model[place + ours] for theirs, ours in TABLES[network].items() if place + ours in model}
        for name in [name for name in state if name.endswith("in_trans.weight")]:
            width = torch.tensor(state[name].shape[1] / heads)
            state[name.replace("in_trans.weight", "scale_factor")] = width.sqrt()
        if not model.get(f"{place}popart.initialised", True):
            state = {name: value for name, value in state.items() if not name.startswith("targ_rms.")}
        if state:
            states[network] = state
    return states


def sized_config(policy, features, actions, agents=5, entities=9, subtasks=3, env="toy", **blocks):
    """(main, create) of a policy for inputs of these sizes; ``blocks`` are blocks of the policy."""
    spec = EntitySpec(agents, entities, subtasks, actions, features, episode_limit=0)
    main = dict(
        exp_name="unused",
        env=dict(collector_env_num=2, evaluator_env_num=2, n_evaluator_episode=2, stop_value=math.inf),
        policy=dict(
            cuda=False,
            model=dict(
                agent_num=agents,
                obs_shape=dict(agent_state=spec.agent_state_size, global_state=spec.global_state_size),
                action_shape=actions,
                actor_hidden_size_list=[8],
            ),
            entity=dict(entities=entities, features=features, subtasks=subtasks),
            learn=dict(learner=dict(hook=default_hooks())),
            collect=dict(n_episode=2, env_num=2),
            eval=dict(env_num=2, evaluator=dict(eval_freq=10)),
            other=dict(eps=dict(type="linear", start=1.0, end=0.05, decay=1000)),
            **blocks,
        ),
    )
    create = dict(
        env=dict(type=env, import_names=["toy_env", "dizoo_ext.plugin"]),
        env_manager=dict(type="base"),
        policy=dict(type=policy, import_names=["ding_alma.plugin"]),
        collector=dict(type="episode", get_train_sample=True),
        replay_buffer=dict(type="episode_ring", import_names=["ding_alma.plugin"]),
    )
    return main, create


def write_config(path, main, create):
    """A DI-engine config file."""
    path.write_text(
        f"from math import inf\n\nfrom easydict import EasyDict\n\nmain_config = EasyDict({main!r})\n"
        f"create_config = EasyDict({create!r})\n"
    )
    return path
