"""Runs of the original ALMA and REFIL repositories as runs of ours."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from easydict import EasyDict
from torch import Tensor

from ding_alma.atomic_file import save_atomically
from ding_alma.reference_runs.files import FILES, ReferenceCheckpoint, read_reference_checkpoint
from ding_alma.reference_runs.names import COACH_NAMES, MIXER_NAMES, RECOGNITION_NAMES, convert_whole
from ding_alma.reference_runs.names_allocator import CRITIC_NAMES, convert_proposal
from ding_alma.reference_runs.sizes import AGENT_LAYERS, agent_kind, fit_policy
from ding_alma.run.checkpoint import BEST_CHECKPOINT
from ding_alma.run.open_policy import open_policy
from ding_alma.run.run_config import RUN_CONFIG_NAME, compile_config_file, keep_config
from ding_alma.run.run_error import RunError

PLACES = {
    "agent": "value_network.agent.",
    "mixer": "value_network.mixer.",
    "proposal": "allocator.proposal.",
    "critic": "allocator.critic.",
    "coach": "value_network.coach.",
    "recognition": "value_network.recognition.",
}
"""Network -> where our models keep it."""


def import_run(
    folder: str | Path, config: str | Path, output: str | Path, step: int | None = None
) -> tuple[ReferenceCheckpoint, list[str]]:
    """Write a run's folder, with configuration and checkpoint, from an original checkpoint.

    The checkpoint holds a whole training state: targets are copies of the live networks, as when the originals load
    one, optimisers are new.

    Args:
        folder: of one time step, or of a run.
        config: a DI-engine config file with the environment and the policy that was trained; sizes and kinds of
            networks are taken from the weights.
        output: folder to write.
        step: the time step, where ``folder`` holds several.

    Returns:
        what was read, and what was changed in the configuration, one line each.

    Raises:
        RunError: files are missing or damaged, do not fit the configuration, or ``output`` is a run's folder already.
    """
    output = Path(output)
    if (output / RUN_CONFIG_NAME).exists():
        raise RunError(f"{output} already holds a run; choose another folder")
    main, _ = compile_config_file(config)
    main.policy.cuda = bool(main.policy.cuda) and torch.cuda.is_available()
    checkpoint = read_reference_checkpoint(folder, step)
    checkpoint, changes = fit_policy(main.policy, checkpoint, main.env.type)
    state = training_state(main.policy, checkpoint)
    main.exp_name = str(output)
    keep_config(main, output)
    save_atomically(state, output / "ckpt" / BEST_CHECKPOINT)
    return checkpoint, changes


def training_state(policy: EasyDict, checkpoint: ReferenceCheckpoint) -> dict[str, Any]:
    """What DI-engine would have saved of a learner with these weights.

    Raises:
        RunError: names or shapes do not fit the policy's networks.
    """
    try:
        learner = open_policy(policy, "learn").learn_mode
    except (ValueError, TypeError) as error:
        raise RunError(f"policy {policy.type!r} refuses the config: {error}") from error
    state = learner.state_dict()
    weights = our_weights(checkpoint)
    _check_fit(weights, state["model"], checkpoint)
    state |= {"model": weights, "target": copy.deepcopy(weights), "env_step": checkpoint.env_step}
    learner.load_state_dict(state)
    return {**state, "last_iter": 0, "last_step": checkpoint.env_step}


def our_weights(checkpoint: ReferenceCheckpoint) -> dict[str, Tensor]:
    """The state of the whole model. Raises a RunError for a name that no network of the originals has."""
    tables = {
        "agent": AGENT_LAYERS[agent_kind(checkpoint)].names,
        "mixer": MIXER_NAMES,
        "critic": CRITIC_NAMES,
        "coach": COACH_NAMES,
        "recognition": RECOGNITION_NAMES,
    }
    weights: dict[str, Tensor] = {}
    for network, state in checkpoint.states.items():
        try:
            converted = convert_proposal(state) if network == "proposal" else convert_whole(state, tables[network])
        except KeyError as error:
            raise RunError(f"{checkpoint.origin}{FILES[network]}: {error.args[0]}") from error
        weights |= {PLACES[network] + name: value.clone() for name, value in converted.items()}
    return weights


def _check_fit(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor], checkpoint: ReferenceCheckpoint) -> None:
    differences = []
    for name in sorted(weights.keys() | expected.keys()):
        found, wanted = (tuple(state[name].shape) if name in state else None for state in (weights, expected))
        if found != wanted:
            network = next(network for network, place in PLACES.items() if name.startswith(place))
            differences.append(f"{FILES[network]}: {name} is {found or 'missing'}, the policy has {wanted or 'none'}")
    if differences:
        raise RunError(f"{checkpoint.origin} does not fit the config:\n" + "\n".join(differences))
