"""What the command ``ding -m parallel`` trains with."""

import functools
import os
from collections.abc import Callable
from typing import Any

from easydict import EasyDict

from ding_alma.monitor.progress import command_line_limits
from ding_alma.run.job import Job


def completed_entry(original: Callable[..., None]) -> Callable[..., None]:
    """DI-engine's parallel entry, which takes three parts of a config, for calls with two as well.

    The command reads two, so DI-engine 0.5.3 ends with an unpack error for every config. Such calls get the parallel
    pipeline of this package, in the place of DI-engine's coordinator with its pickled episodes in files.
    """

    @functools.wraps(original, assigned=("__name__", "__doc__"))
    def parallel_pipeline(input_cfg: str | tuple[EasyDict, ...], seed: int, *logs: Any, **more_logs: Any) -> None:
        if isinstance(input_cfg, str) or len(input_cfg) != 2:
            original(input_cfg, seed, *logs, **more_logs)
        else:
            _train(*input_cfg, seed)

    return parallel_pipeline


def _train(main: EasyDict, create: EasyDict, seed: int) -> None:
    # Imported here because DI-engine's router takes seconds to import.
    from ding_alma.pipeline.environment_variables import COLLECTORS, whole_number
    from ding_alma.pipeline.parallel import train_on_this_host

    limits = command_line_limits()
    job = Job(main, create, seed, limits.env_steps or None, limits.train_iters or None)
    collectors = whole_number(os.environ, COLLECTORS, max(1, (os.cpu_count() or 1) - 1))
    train_on_this_host(job, collectors)
