"""Train one config with one or more seeds by DI-engine's own pipelines."""

import os
import shutil
from pathlib import Path

from ding.entry import serial_pipeline, serial_pipeline_onpolicy
from easydict import EasyDict

from ding_alma.monitor.console import QuietConsole
from ding_alma.run.checked_config import checked_config
from ding_alma.run.checkpoint import LAST_CHECKPOINT, read_checkpoint, refuse_lost_run
from ding_alma.run.config_override import override
from ding_alma.run.ding_keys import check_device
from ding_alma.run.job import Job
from ding_alma.run.own_files import refuse_links
from ding_alma.run.progress_limits import progress_options, tell_progress
from ding_alma.run.run_config import RUN_CONFIG_NAME, read_config_file, read_run_config
from ding_alma.run.run_error import RunError
from ding_alma.run.run_lock import release


def plan(
    config: Path | tuple[EasyDict, EasyDict],
    changes: list[str],
    seeds: list[int],
    max_env_step: int | None = None,
    output: Path | None = None,
) -> list[Job]:
    """Read a config, change it, check it and lay out one run per seed in ``output/seed<n>``.

    Args:
        config: a file, or its main and create parts.
        changes: see `config_override.override`.
        max_env_step: environment steps of each run; None is the config's own number or, if it has none, DI-engine's.
        output: folder of the runs; None is the config's ``exp_name``, with another policy's name if that was changed.

    Raises:
        RunError: the config or a change is wrong, or a run's folder is there already.
    """
    if len(set(seeds)) != len(seeds):
        raise RunError(f"a seed is given twice: {' '.join(map(str, seeds))}")
    if max_env_step is not None and max_env_step < 1:
        raise RunError(f"a run must have at least one environment step, got {max_env_step}")
    file_main, file_create = config if isinstance(config, tuple) else read_config_file(config)
    main, create = override(file_main, file_create, changes)
    try:
        merged = checked_config(main, create)
        check_device(merged.policy)
    except (ValueError, TypeError, OSError, ImportError) as error:
        raise RunError(str(error) if isinstance(config, tuple) else f"{config}: {error}") from error
    if max_env_step is None:
        max_env_step = _own_total(merged)
    else:
        tell_progress(main, merged, max_env_step)
    folder = output or Path(_experiment_name(main, merged, file_create.policy.type))
    jobs = []
    for seed in seeds:
        own = EasyDict(main)
        own.exp_name = os.path.relpath(folder / f"seed{seed}")
        jobs.append(Job(own, create, seed, max_env_step, is_on_policy=bool(merged.policy.on_policy)))
    for job in jobs:
        if job.folder.exists():
            raise RunError(f"{job.folder} is there already; choose another --output or move it away")
    return jobs


def plan_resume(folder: Path, max_env_step: int | None = None) -> list[Job]:
    """Lay out runs that go on where they broke off.

    Args:
        folder: of a run, or of runs ``seed<n>``.
        max_env_step: environment steps of each run in all; None is what the run was to have, as far as it is known.

    Returns:
        the runs that have not reached their end.

    Raises:
        RunError: there is no run, one that left nothing behind, or one whose folder leads elsewhere.
    """
    folders = [folder] if (folder / RUN_CONFIG_NAME).is_file() else sorted(folder.glob(f"seed*/{RUN_CONFIG_NAME}"))
    if not folder.exists():
        raise RunError(f"there is no run {folder}")
    if not folders:
        raise RunError(
            f"{folder} holds no run to resume: neither {RUN_CONFIG_NAME} nor folders seed0, ... with one; what died "
            "before it wrote that had not begun to train: move it away and train anew"
        )
    # Before DI-engine writes its first file, and beside the runs' folders, where their consoles go.
    refuse_links(folder)
    jobs = [_resumed(path if path.is_dir() else path.parent, max_env_step) for path in folders]
    return [job for job in jobs if job is not None]


def _resumed(folder: Path, max_env_step: int | None) -> Job | None:
    main, create = read_run_config(folder / RUN_CONFIG_NAME)
    try:
        hooks = main.policy.learn.learner.hook
        seed, is_on_policy = int(main.seed), bool(main.policy.on_policy)
        if max_env_step is None:
            max_env_step = _own_total(main)
    except (AttributeError, TypeError, ValueError) as error:
        raise RunError(f"{folder / RUN_CONFIG_NAME} is damaged ({error!r})") from error
    checkpoint = folder / "ckpt" / LAST_CHECKPOINT
    if checkpoint.is_file():
        if max_env_step is not None and read_checkpoint(checkpoint).get("last_step", 0) >= max_env_step:
            return None
        hooks.load_ckpt_before_run = str(checkpoint)
    elif hooks.get("load_ckpt_before_run"):
        raise RunError(
            f"{folder} has no {LAST_CHECKPOINT}, and its config would read {hooks.load_ckpt_before_run} in its place; "
            "move the folder away and train anew with the config file"
        )
    else:
        refuse_lost_run(folder)
    main.policy.learn.resume_training = True
    main.exp_name = os.path.relpath(folder)
    if max_env_step is not None:
        tell_progress(main, main, max_env_step)
    return Job(main, create, seed, max_env_step, is_on_policy=is_on_policy)


def train(job: Job) -> None:
    """Run DI-engine's pipeline: ``serial_onpolicy`` for an on-policy policy, ``serial`` for any other.

    A start that fails before its first checkpoint leaves no folder behind, which would be in the way of the next one.
    """
    quiet = QuietConsole()
    if progress_options(job.main).get("quiet", True):
        # From here on, and not only from the learner's first hook: workers have much to say before it.
        quiet.begin()
    pipeline = serial_pipeline_onpolicy if job.is_on_policy else serial_pipeline
    limits = {} if job.max_env_step is None else {"max_env_step": job.max_env_step}
    is_new = not job.folder.exists()
    try:
        pipeline((job.main, job.create), seed=job.seed, **limits)
    except BaseException:
        if is_new and not (job.folder / "ckpt").exists():
            shutil.rmtree(job.folder, ignore_errors=True)
        raise
    finally:
        quiet.end()
        release(job.folder)


def _own_total(merged: EasyDict) -> int | None:
    """The environment steps that a config wants, as far as it says so."""
    return progress_options(merged).get("total_env_steps") or None


def _experiment_name(main: EasyDict, merged: EasyDict, policy_in_file: str) -> str:
    name = main.get("exp_name", "default_experiment")
    if merged.policy.type == policy_in_file:
        return name
    return f"{name.removesuffix(f'_{policy_in_file}')}_{merged.policy.type}"
