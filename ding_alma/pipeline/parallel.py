"""Training in several processes, on one host or more, by DI-engine's router (``ditask``).

Node 0 learns, node 1 evaluates, all others collect. Commands are in docs/scale.md.
"""

import multiprocessing
import os
import shlex
import shutil
import signal
import tempfile

from ding.framework import Parallel

from ding_alma.pipeline.authentication import ensure_secret, shared_key
from ding_alma.pipeline.environment_variables import job_from_environment
from ding_alma.pipeline.learner import learn
from ding_alma.pipeline.messages import LEARNER, role_of
from ding_alma.pipeline.orphans import end_with_parent
from ding_alma.pipeline.transport import RouterTransport
from ding_alma.pipeline.worker import FIRST_COLLECTOR, work
from ding_alma.registration import register_all
from ding_alma.run.job import Job
from ding_alma.run.stop_request import StopRequest, exit_status, name_of, tell


def main() -> None:
    """What every process of ``ditask --main ding_alma.pipeline.parallel.main`` runs.

    Raises:
        RuntimeError: it was not started by ``ditask``.
        ValueError: the learner finds no job in its environment variables (see environment_variables.py).
        RunError: the environment variables hold no secret (see authentication.py).
    """
    run_node(None)


def run_node(job: Job | None) -> None:
    """Be the learner, the evaluator or a collector, whichever this process is.

    Args:
        job: read by the learner alone; None = from the environment variables.
    """
    register_all()
    router = Parallel()
    if not router.is_active:
        raise RuntimeError("start this with ditask or `ding-alma train CONFIG --collectors N`; see docs/scale.md")
    end_with_parent()
    _end_quietly()
    transport = RouterTransport(shared_key())
    if role_of(router.node_id) != LEARNER:
        work(transport, router.node_id)
        return
    job = job or job_from_environment()
    collectors = job.collectors or max(1, router.n_parallel_workers - FIRST_COLLECTOR)
    learn(transport, job, collectors)


def _end_quietly() -> None:
    """End at once at signals for the whole process group: the pool's own handlers raise them as errors of this process.

    SIGUSR1 stays the pool's, by which it interrupts processes when another one has failed.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda received, frame: os._exit(exit_status(received)))


def train_on_this_host(job: Job, collectors: int) -> None:
    """One learner, one evaluator and so many collectors, each a process of this host. No port is opened.

    A signal ends all of them at once, and this process with 128 + its number; the last checkpoint stays.
    """
    ensure_secret()
    nodes = FIRST_COLLECTOR + collectors
    # The processes' sockets, where nobody else comes.
    with tempfile.TemporaryDirectory(prefix="ding_alma_") as folder:

        def end(number: int) -> None:
            for process in multiprocessing.active_children():
                process.kill()
            tell(
                f"{name_of(number)}: all processes of the run have ended; {job.folder / 'ckpt'} holds its last "
                f"checkpoint, and ding-alma train --resume {shlex.quote(str(job.folder))} goes on in one process"
            )
            shutil.rmtree(folder, ignore_errors=True)
            # Whatever waits for the processes would take them for failed.
            os._exit(exit_status(number))

        stop = StopRequest(end)
        stop.install()
        tempdir, tempfile.tempdir = tempfile.tempdir, folder
        try:
            Parallel.runner(n_parallel_workers=nodes, protocol="ipc", topology="star", startup_interval=0)(
                run_node, job
            )
        finally:
            tempfile.tempdir = tempdir
            stop.remove()
