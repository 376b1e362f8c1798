"""From a worker's dictionary of observations to tensors, once, on entry."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dizoo_ext.contract import FLAT_KEYS

MASKS = ("entity_mask", "obs_mask", "subtask_mask", "action_mask", "member_mask")
INDICES = (
    "entity_subtask",
    "action_subtask",
    "heuristic_allocation",
    "groups",
    "member_type",
    "member_position",
    "member_trajectory",
)


def stack_observations(
    data: Mapping[int, Mapping[str, Any]], keys: Iterable[str]
) -> tuple[np.ndarray, dict[str, Tensor]]:
    """Stack the observations of several environments, in the order of their ids.

    Collectors hand out numpy arrays of the environment's types, evaluators and remote collectors float32 tensors
    whatever the type was; masks come out boolean and indices int64 all the same.

    Returns:
        Environment ids (n,) int64, and (n, ...) tensors per key.

    Raises:
        KeyError: the environment does not hand out a key that the policy reads.
        ValueError: a value is NaN or infinite.
    """
    ids = sorted(data)
    require_keys(keys, data[ids[0]])
    stacked = {}
    for key in keys:
        rows = [data[i][key] for i in ids]
        stacked[key] = torch.stack(rows) if isinstance(rows[0], Tensor) else torch.from_numpy(np.stack(rows))
    return np.array(ids, np.int64), _normalised(ids, stacked)


def observed_tensors(ids: np.ndarray, observation: Mapping[str, np.ndarray], keys: Iterable[str]) -> dict[str, Tensor]:
    """As `stack_observations`, of the environments ``ids`` (n,) whose observations (n, ...) are in one batch."""
    require_keys(keys, observation)
    return _normalised(ids, {key: torch.from_numpy(observation[key]) for key in keys})


def require_keys(keys: Iterable[str], observation: Collection[str]) -> None:
    """Raise a KeyError that says which of the keys that a policy reads an observation lacks."""
    missing = [key for key in keys if key not in observation]
    if missing == ["groups"]:
        raise KeyError("observations lack 'groups', which only come from environments that know true groups")
    if missing:
        view = "flat" if set(missing) & set(FLAT_KEYS) else "entities"
        raise KeyError(f"observations lack {missing}; set env.observation to 'both' or {view!r}")


def _normalised(ids: Iterable[int], observation: dict[str, Tensor]) -> dict[str, Tensor]:
    normalised = {}
    for key, value in observation.items():
        if key in MASKS:
            value = value > 0.5 if value.is_floating_point() else value.bool()
        elif key in INDICES:
            value = value.long()
        # One sum instead of a look at every number: anything that is not finite shows in it. In float32, because large
        # sums are not finite in float16.
        elif not math.isfinite(value.sum(dtype=torch.float32)):
            bad = [int(i) for i, row in zip(ids, value, strict=True) if not row.isfinite().all()]
            raise ValueError(f"observation {key!r} of environment {bad} holds values that are not finite")
        normalised[key] = value
    return normalised
