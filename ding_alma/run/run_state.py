"""What a serial run knows between two iterations beside its policy: counters, random states, streams, replay buffer."""

import random
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from ding.envs.env_manager.base_env_manager import EnvState

COLLECTOR = ("_total_envstep_count", "_total_episode_count", "_total_duration", "_last_train_iter", "_episode_info")
EVALUATOR = ("_last_eval_iter", "_max_episode_return", "_last_render_iter")
"""Attributes of DI-engine's workers that outlive an iteration."""


def random_states() -> dict[str, Any]:
    """Of the generators that all share: Python's, numpy's and torch's."""
    version, words, gauss = random.getstate()
    return {
        "python": [version, list(words), gauss],
        "numpy": plain(np.random.get_state(legacy=False)),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_states(states: Mapping[str, Any]) -> None:
    """Let them draw on from `random_states`; GPUs alone if there are as many as then."""
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(arrays(states["numpy"]))
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available() and len(states["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(states["cuda"])


def worker_state(worker: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Attributes of a worker, as plain values; those that its class does not have are left out."""
    return {name: plain(getattr(worker, name)) for name in names if hasattr(worker, name)}


def set_worker_state(worker: Any, state: Mapping[str, Any]) -> None:
    """Write back what `worker_state` returned."""
    for name, value in state.items():
        setattr(worker, name, value)


def streams(manager: Any, name: str) -> list[Any] | None:
    """The ``stream_state`` or ``episode_stream_state`` of every environment of DI-engine's manager, or what
    `set_streams` wrote if no reset has taken it up yet: an evaluator may be checkpointed again before it evaluates.

    None where environments do not know theirs.
    """
    # Those in processes of their own answer no questions while they are being reset.
    while EnvState.RESET in manager._env_states.values():
        time.sleep(1e-3)
    states = getattr(manager, name, None)
    if not states:
        return None
    waiting = [manager._env_seed[i] for i in range(manager.env_num)]
    states = [state if seed is None else seed for state, seed in zip(states, waiting, strict=True)]
    return None if None in states else plain(states)


def set_streams(manager: Any, states: list[Any] | None) -> None:
    """From their next reset on, let environments draw on from ``states``."""
    if states is not None and len(states) == manager.env_num:
        manager.seed(arrays(states), dynamic_seed=getattr(manager, "_env_dynamic_seed", None))


def plain(value: Any) -> Any:
    """A copy in the types that ``torch.load(weights_only=True)`` reads: arrays become tensors, tuples lists."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.astype(np.int64) if value.dtype.kind == "u" else value.copy())
    return value.item() if isinstance(value, np.generic) else value


def arrays(value: Any) -> Any:
    """A copy with arrays in place of tensors."""
    if isinstance(value, Mapping):
        return {key: arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [arrays(item) for item in value]
    return value.numpy() if isinstance(value, torch.Tensor) else value
