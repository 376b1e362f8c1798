"""Training from Python: ``ding_alma.train`` and ``ding_alma.resume``."""

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from easydict import EasyDict

from ding_alma.run import training
from ding_alma.run.job import Job
from ding_alma.run.run_error import RunError
from ding_alma.run.stop_request import exit_status


def train(
    config: str | Path | tuple[Mapping[str, Any], Mapping[str, Any]],
    *,
    seed: int = 0,
    env_step: float | None = None,
    changes: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
) -> Path:
    """Train a config by DI-engine's own pipeline, in this process.

    Args:
        config: a config file, or its pair of ``main_config`` and ``create_config``, which stays as it is.
        env_step: environment steps of the run; None is the config's own number or, if it has none, DI-engine's
            default, practically without end.
        changes: dotted keys of the merged config and their values, such as ``{"policy.learn.batch_size": 16}``.
        output: the run goes to ``output/seed<seed>``; None is the config's ``exp_name``.

    Returns:
        the run's folder, which `ding_alma.load` takes.

    Raises:
        RunError: the config or a change is wrong, or the folder is there already.
        KeyboardInterrupt: Ctrl-C; the run has been saved, and `resume` goes on with it.
    """
    pair = (EasyDict(config[0]), EasyDict(config[1])) if isinstance(config, tuple) else Path(config)
    texts = [f"{key}={value}" for key, value in (changes or {}).items()]
    steps = None if env_step is None else int(env_step)
    (job,) = training.plan(pair, texts, [seed], steps, None if output is None else Path(output))
    return _train(job)


def resume(run: str | Path, *, env_step: float | None = None) -> Path:
    """Go on with a run that broke off, or beyond its end.

    Args:
        run: the run's folder.
        env_step: environment steps in all; None is what the run was to have.

    Returns:
        the run's folder.

    Raises:
        RunError: there is no such run, or several.
        KeyboardInterrupt: as `train`.
    """
    jobs = training.plan_resume(Path(run), None if env_step is None else int(env_step))
    if len(jobs) > 1:
        raise RunError(f"{run} holds {len(jobs)} runs to resume; name one, such as {jobs[0].folder}")
    return _train(jobs[0]) if jobs else Path(run)


def _train(job: Job) -> Path:
    folder = job.folder
    try:
        training.train(job)
    except SystemExit as stop:
        if stop.code == exit_status(signal.SIGINT):
            raise KeyboardInterrupt(f"{folder} is saved; ding_alma.resume({str(folder)!r}) goes on") from stop
        raise
    return folder
