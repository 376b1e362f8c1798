"""Training in several processes, on one host or more, by DI-engine's router (``ditask``).

Node 0 learns, node 1 evaluates, all others collect. Commands are in docs/scale.md.
"""

from ding.framework import Parallel

from ding_alma.pipeline.environment_variables import job_from_environment
from ding_alma.pipeline.learner import learn
from ding_alma.pipeline.messages import LEARNER, role_of
from ding_alma.pipeline.orphans import end_with_parent
from ding_alma.pipeline.transport import RouterTransport
from ding_alma.pipeline.worker import FIRST_COLLECTOR, work
from ding_alma.registration import register_all
from ding_alma.run.job import Job


def main() -> None:
    """What every process of ``ditask --main ding_alma.pipeline.parallel.main`` runs.

    Raises:
        RuntimeError: it was not started by ``ditask``.
        ValueError: the learner finds no job in its environment variables (see environment_variables.py).
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
    if role_of(router.node_id) != LEARNER:
        work(RouterTransport(), router.node_id)
        return
    job = job or job_from_environment()
    collectors = job.collectors or max(1, router.n_parallel_workers - FIRST_COLLECTOR)
    learn(RouterTransport(), job, collectors)


def train_on_this_host(job: Job, collectors: int) -> None:
    """One learner, one evaluator and so many collectors, each a process of this host."""
    nodes = FIRST_COLLECTOR + collectors
    Parallel.runner(n_parallel_workers=nodes, protocol="ipc", topology="star", startup_interval=0)(run_node, job)
