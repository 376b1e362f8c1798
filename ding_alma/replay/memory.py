"""How much memory a replay buffer of episodes will take, before the first episode is played."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import psutil
import torch

from ding_alma.replay.episode import OBSERVED, TIED

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use; version 2 of its interface, then version 1."""
LIMITS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def step_bytes(shapes: Mapping[str, Sequence[int]], ties: bool) -> int:
    """Bytes of one stored step.

    Args:
        shapes: of the environment's observations, by key.
        ties: whether the ties between actions and subtasks are stored, too.
    """
    types = OBSERVED | (TIED if ties else {})
    observed = sum(prod(shapes[key]) * dtype.itemsize for key, dtype in types.items())
    (agents, _), (subtasks,) = shapes["action_mask"], shapes["subtask_mask"]
    allocation, action, decision, reward, terminated = agents, 2 * agents, 1, 4, 1
    return observed + allocation + action + decision + reward + terminated + (4 + 1) * subtasks


def free_memory(device: torch.device | str = "cpu") -> int:
    """Bytes that a process may still take: of the machine, or of the container that it runs in, or of a GPU."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = psutil.virtual_memory().available
    for limit, usage in LIMITS:
        try:
            allowed = int((CGROUP / limit).read_text()) - int((CGROUP / usage).read_text())
        except (OSError, ValueError):
            continue
        return min(free, max(allowed, 0))
    return free


def describe_need(episodes: int, steps: int, per_step: int, device: str, persist: bool) -> str:
    """One line on the memory of ``episodes`` of ``steps`` transitions.

    Raises:
        MemoryError: they do not fit.
    """
    need, free = episodes * (steps + 1) * per_step, free_memory(device)
    gib = f"{need / 2**30:.2f} GiB"
    if need > free:
        fitting = free // ((steps + 1) * per_step)
        raise MemoryError(
            f"a replay buffer of {episodes} episodes of {steps} steps needs {gib} on {device}, where "
            f"{free / 2**30:.2f} GiB are free; lower policy.other.replay_buffer.replay_buffer_size, below {fitting}"
        )
    disk = ", and as much of the run's disk" if persist else ""
    return f"Replay buffer: up to {gib} of memory ({episodes} episodes of {steps} steps){disk}"
