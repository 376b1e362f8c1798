"""Train one config with one or more seeds by DI-engine's own pipelines."""

import contextlib
import io
import multiprocessing
import multiprocessing.connection
import os
import shlex
import shutil
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import cast

import torch
from ding.config import compile_config
from ding.entry import serial_pipeline, serial_pipeline_onpolicy
from ding.envs.env.base_env import get_env_cls
from ding.policy import get_policy_cls
from easydict import EasyDict

from ding_alma.policy.recording_policy import RecordingPolicy
from ding_alma.run.checkpoint import LAST_CHECKPOINT, read_checkpoint
from ding_alma.run.config_override import default_config, override
from ding_alma.run.ding_keys import check_device, check_ding_keys, check_ding_values
from ding_alma.run.evaluation import Evaluation
from ding_alma.run.job import Job
from ding_alma.run.own_files import refuse_links
from ding_alma.run.progress import headline
from ding_alma.run.run_config import RUN_CONFIG_NAME, read_config_file, read_run_config
from ding_alma.run.run_error import RunError
from ding_alma.run.run_lock import release
from ding_alma.run.run_record import read_record
from ding_alma.run.stop_request import StopRequest, exit_status, name_of, own_process_group, stop_with_parent, tell

NEWS_SECONDS = 30.0
"""Time between two reports on runs that go on side by side."""


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
        max_env_step: environment steps of each run; None is DI-engine's default.
        output: folder of the runs; None is the config's ``exp_name``, with another policy's name if that was changed.

    Raises:
        RunError: the config or a change is wrong, or a run's folder is there already.
    """
    if len(set(seeds)) != len(seeds):
        raise RunError(f"a seed is given twice: {' '.join(map(str, seeds))}")
    file_main, file_create = config if isinstance(config, tuple) else read_config_file(config)
    main, create = override(file_main, file_create, changes)
    try:
        defaults = default_config(create)
        check_ding_keys(main, defaults)
        merged = compile_config(main, create_cfg=create, auto=True, save_cfg=False)
        check_ding_values(EasyDict(merged, seed=main.get("seed", 0)), defaults)
        check_device(merged.policy)
        _build(merged)
    except (ValueError, TypeError) as error:
        raise RunError(str(error) if isinstance(config, tuple) else f"{config}: {error}") from error
    if max_env_step is not None:
        _tell_progress(main, merged, max_env_step)
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
            max_env_step = hooks.get("progress", {}).get("ext_args", {}).get("total_env_steps") or None
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
    main.policy.learn.resume_training = True
    main.exp_name = os.path.relpath(folder)
    if max_env_step is not None:
        _tell_progress(main, main, max_env_step)
    return Job(main, create, seed, max_env_step, is_on_policy=is_on_policy)


def train(job: Job) -> None:
    """Run DI-engine's pipeline: ``serial_onpolicy`` for an on-policy policy, ``serial`` for any other.

    A start that fails before its first checkpoint leaves no folder behind, which would be in the way of the next one.
    """
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
        release(job.folder)


def train_side_by_side(jobs: list[Job], processes: int, say: Callable[[str], None]) -> list[Job]:
    """Train in processes of one thread each, at most so many at a time; their consoles go to `Job.log`.

    Signals are passed on to the runs, which save and end; those that have not begun do not begin.

    Args:
        say: receives lines of news.

    Returns:
        the jobs that failed.

    Raises:
        SystemExit: a signal has ended the runs.
    """
    # Read by the libraries of the processes that start from now on.
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    context = multiprocessing.get_context("spawn")
    waiting, failed = list(jobs), []
    running: dict[int, tuple[SpawnProcess, Job]] = {}

    def pass_on(number: int) -> None:
        for process, _ in list(running.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(cast(int, process.pid), number)

    def end(number: int) -> None:
        tell(f"{name_of(number)}: the runs end after their iteration and its checkpoint; once more ends them at once")
        pass_on(number)

    stop = StopRequest(end, pass_on)
    stop.install()
    say(f"{len(jobs)} runs, {min(processes, len(jobs))} at a time; consoles in {jobs[0].log.parent}/*.log")
    try:
        while running or (waiting and stop.number is None):
            while waiting and len(running) < processes and stop.number is None:
                job = waiting.pop(0)
                process = context.Process(target=_train_quietly, args=(job,))
                process.start()
                running[process.sentinel] = process, job
                if stop.number is not None:
                    # It came before this process was among those that it is passed on to.
                    os.kill(process.pid, stop.number)
            if not running:
                break
            ended = multiprocessing.connection.wait(list(running), NEWS_SECONDS)
            for sentinel in ended:
                process, job = running.pop(cast(int, sentinel))
                process.join()
                if not process.exitcode:
                    say(f"{job.folder}: done; {_last_evaluation(job)}")
                elif stop.number is not None and process.exitcode == exit_status(stop.number):
                    say(f"{job.folder}: saved; {_last_evaluation(job)}")
                elif stop.number is not None and process.exitcode == -stop.number:
                    say(f"{job.folder}: ended before it had begun")
                else:
                    failed.append(job)
                    say(f"{job.folder}: failed, {_last_line(job.log)} (see {job.log})")
            if not ended:
                for _, job in running.values():
                    say(f"{job.folder}: {_last_line(job.log)}")
    finally:
        stop.remove()
    if stop.number is not None:
        for job in waiting:
            say(f"{job.folder}: not begun")
        say(f"{name_of(stop.number)}: go on with ding-alma train --resume {shlex.quote(str(jobs[0].folder.parent))}")
        raise SystemExit(exit_status(stop.number))
    return failed


def _train_quietly(job: Job) -> None:
    own_process_group()
    stop_with_parent()
    torch.set_num_threads(1)
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with open(job.log, "a", encoding="utf-8") as log:
        # The process's own: libraries have kept Python's streams already.
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
    train(job)


def _build(merged: EasyDict) -> None:
    """Build environment and policy once: they refuse what they cannot work with."""
    env_class = get_env_cls(merged.env)
    env_class(env_class.create_collector_env_cfg(EasyDict(merged.env))[0]).close()
    # Not by DI-engine's registry, which prints hints when a constructor raises.
    policy_class = get_policy_cls(merged.policy)
    try:
        # Nor here: its registry of models does the same.
        with contextlib.redirect_stdout(io.StringIO()):
            policy_class(EasyDict(merged.policy, cuda=False), enable_field=["learn"])
    except Exception as error:
        if issubclass(policy_class, RecordingPolicy) and isinstance(error, ValueError | TypeError):
            raise
        # DI-engine's policies do not check their configs: whatever one lacks can raise anything.
        said = " ".join(str(error).split())
        raise ValueError(
            f"policy {merged.policy.type!r} cannot be built from this config ({type(error).__name__}: {said[:200]})"
        ) from error


def _tell_progress(main: EasyDict, merged: EasyDict, max_env_step: int) -> None:
    """The console's progress knows the limits of the command ``ding`` only: set its own option."""
    path = ("policy", "learn", "learner", "hook", "progress", "ext_args")
    if "progress" not in merged.policy.learn.learner.hook:
        return
    node = main
    for name in path:
        node = node.setdefault(name, EasyDict())
    node.total_env_steps = max_env_step


def _experiment_name(main: EasyDict, merged: EasyDict, policy_in_file: str) -> str:
    name = main.get("exp_name", "default_experiment")
    if merged.policy.type == policy_in_file:
        return name
    return f"{name.removesuffix(f'_{policy_in_file}')}_{merged.policy.type}"


def _last_evaluation(job: Job) -> str:
    try:
        points = read_record(job.folder)["evaluations"]
    except RunError:
        points = []
    if not points:
        return "no evaluation on record"
    point = points[-1]
    metrics = {name: value for name, value in point["metrics"].items() if value is not None}
    evaluation = Evaluation(point["env_step"], point["train_iter"], metrics)
    return f"evaluation at {evaluation.env_step:,} env steps: {headline(evaluation)}"


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return "waits"
    return lines[-1] if lines else "starts"
