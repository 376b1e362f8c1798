"""Several runs at a time, each in a process of its own."""

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import shlex
from collections.abc import Callable
from functools import partial
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import cast

from ding_alma.monitor.evaluation import Evaluation
from ding_alma.monitor.progress import headline
from ding_alma.registration import register_all
from ding_alma.run.job import Job
from ding_alma.run.run_error import RunError
from ding_alma.run.run_record import read_record
from ding_alma.run.stop_request import StopRequest, exit_status, name_of, own_process_group, stop_with_parent, tell
from dizoo_ext.trusted_imports import trust_options

NEWS_SECONDS = 30.0
"""Time between two reports on runs that go on side by side."""


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
    told: dict[Path, str] = {}
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
                    line = _last_line(job.log)
                    if told.get(job.folder) != line:
                        say(f"{job.folder}: {line}")
                    told[job.folder] = line
    finally:
        stop.remove()
    if stop.number is not None:
        for job in waiting:
            say(f"{job.folder}: not begun")
        folder, options = shlex.quote(str(jobs[0].folder.parent)), trust_options((jobs[0].main, jobs[0].create))
        say(f"{name_of(stop.number)}: go on with ding-alma train --resume {folder}{options}")
        raise SystemExit(exit_status(stop.number))
    return failed


def _train_quietly(job: Job) -> None:
    own_process_group()
    stop_with_parent()
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with open(job.log, "a", encoding="utf-8") as log:
        # The process's own: libraries have kept Python's streams already.
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
    print("importing torch and DI-engine", flush=True)
    from dizoo_ext.compilation import tell_of_compilation

    tell_of_compilation(partial(print, flush=True))
    register_all()
    import torch

    from ding_alma.run import training

    torch.set_num_threads(1)
    training.train(job)


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
        return "starting"
    return lines[-1] if lines else "starting"
