"""Checkpoints of the original ALMA and REFIL repositories: which files they are, and what is in them.

Both write, at a time step STEP, ``results/models/RUN/STEP/agent.th`` and so on; under Weights & Biases ALMA writes
``STEP_agent.th`` into the folder of the run instead. Optimisers (``opt.th``) are saved, target networks are not.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ding_alma.run.run_error import RunError
from dizoo_ext.checked_load import load_checked

FILES = {
    "agent": "agent.th",
    "mixer": "mixer.th",
    "proposal": "alloc_pi.th",
    "critic": "alloc_q.th",
    "coach": "copa_coach.th",
    "recognition": "copa_recog.th",
}
"""Our name of a network -> its file. The middle two are there with a learned allocation, the last two with COPA."""


@dataclass(frozen=True)
class ReferenceCheckpoint:
    """The networks of an original run at one time step, by the names of `FILES`."""

    origin: str
    """Where the files are, for messages."""
    env_step: int
    """Environment steps of the run so far."""
    states: dict[str, dict[str, Tensor]]
    """Network -> parameters and statistics under the original's names."""

    def __contains__(self, network: str) -> bool:
        return network in self.states


def read_reference_checkpoint(folder: str | Path, step: int | None = None) -> ReferenceCheckpoint:
    """Read the networks in ``folder``: one time step's, or a run's, of which the newest time step is taken.

    Nothing is unpickled but tensors and plain containers; optimisers are not looked at.

    Args:
        step: the time step, where the folder holds several.

    Raises:
        RunError: no such files, an incomplete set of them, or one that is damaged.
    """
    prefixes = _saved_steps(Path(folder))
    if not prefixes:
        raise RunError(f"no {FILES['agent']} in {folder}, in folders named by a time step in it, or as STEP_agent.th")
    if step is not None and step not in prefixes:
        raise RunError(f"{folder} has no time step {step}; there are {sorted(prefixes)}")
    step = max(prefixes) if step is None else step
    prefix = prefixes[step]
    paths = {network: Path(f"{prefix}{name}") for network, name in FILES.items()}
    there = {network for network, path in paths.items() if path.is_file()}
    wanted = {"agent", "mixer"}
    for pair in ({"proposal", "critic"}, {"coach", "recognition"}):
        wanted |= pair if pair & there else set()
    if missing := [str(paths[network]) for network in FILES if network in wanted - there]:
        raise RunError(f"{', '.join(missing)} missing; beside {paths['agent']} they make one checkpoint")
    return ReferenceCheckpoint(
        prefix, step, {network: _read_state(paths[network]) for network in FILES if network in there}
    )


def _saved_steps(folder: Path) -> dict[int, str]:
    """Time step -> what to put before the names of `FILES`."""
    agent = FILES["agent"]
    found = {}
    for path in (folder / agent, *folder.glob(f"*/{agent}")):
        if path.is_file() and (path.parent == folder or path.parent.name.isdigit()):
            name = path.parent.absolute().name
            found[int(name) if name.isdigit() else 0] = f"{path.parent}/"
    for path in folder.glob(f"*_{agent}"):
        name = path.name.removesuffix(f"_{agent}")
        if name.isdigit():
            found[int(name)] = f"{folder}/{name}_"
    return found


def _read_state(path: Path) -> dict[str, Tensor]:
    """Names to tensors; ALMA's mixer and critic keep their Pop-Art statistics apart, as the first of a pair."""
    try:
        saved = load_checked(path)
    except ValueError as error:
        raise RunError(f"{path} cannot be read ({error})") from error
    statistics, parameters = saved if isinstance(saved, tuple) and len(saved) == 2 else ({}, saved)
    if not (_is_state(statistics) and _is_state(parameters)):
        raise RunError(f"{path} does not hold a network's parameters, but a {type(saved).__name__}")
    kept = {f"targ_rms.{name}": value for name, value in statistics.items() if value is not None}
    return {**kept, **parameters}


def _is_state(value: Any) -> bool:
    return isinstance(value, dict) and all(entry is None or isinstance(entry, Tensor) for entry in value.values())
