"""What a run's numbers were measured with."""

import functools
import os
import platform
import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("ding-alma", "DI-engine", "torch", "numpy", "numba")


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory in GiB and GPUs of this machine; no names of hosts or users."""
    # Commands that read records alone start without it.
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30 if hasattr(os, "sysconf") else None
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": memory and round(memory, 1),
        "gpus": gpus,
        "torch_threads": torch.get_num_threads(),
    }


def describe_versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version(), **{package: _version(package) for package in PACKAGES}}


@functools.cache
def _version(package: str) -> str:
    # A package's whole description is parsed for it.
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def command_line() -> str:
    """The command that started this process, its program reduced to its name."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


@functools.cache
def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
