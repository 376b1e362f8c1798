"""What the command ``ding -m parallel`` trains with.

DI-engine 0.5.3 ends there with an unpack error for every config: the command reads two parts of it, its parallel entry
takes three. Such calls get the parallel pipeline of this package, in the place of DI-engine's coordinator with its
pickled episodes in files; calls of that entry with three parts or a path still reach it.
"""

import functools
import os
from typing import Any

from ding.entry import parallel_entry
from easydict import EasyDict

from ding_alma.report.progress import command_line_limits


def install_parallel_command() -> None:
    """Replace the entry, which the command looks up only when it has read the config."""
    original = parallel_entry.parallel_pipeline
    if hasattr(original, "__wrapped__"):
        return

    @functools.wraps(original)
    def parallel_pipeline(input_cfg: str | tuple[EasyDict, ...], seed: int, *logs: Any, **more_logs: Any) -> None:
        if isinstance(input_cfg, str) or len(input_cfg) != 2:
            original(input_cfg, seed, *logs, **more_logs)
        else:
            _train(*input_cfg, seed)

    parallel_entry.parallel_pipeline = parallel_pipeline


def _train(main: EasyDict, create: EasyDict, seed: int) -> None:
    # Imported here because DI-engine's router takes seconds to import.
    from ding_alma.pipeline.job import COLLECTORS, UNLIMITED, Job, whole_number
    from ding_alma.pipeline.parallel import train_on_this_host

    limits = command_line_limits()
    job = Job(main, create, seed, limits.env_steps or UNLIMITED, limits.train_iters or UNLIMITED)
    collectors = whole_number(os.environ, COLLECTORS, max(1, (os.cpu_count() or 1) - 1))
    train_on_this_host(job, collectors)
