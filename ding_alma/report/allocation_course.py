"""What runs recorded of their allocations in the course of the training."""

import numpy as np

from ding_alma.monitor.scalars import PAPER_GROUPS
from ding_alma.report.analysis import Analysis, Cell
from ding_alma.report.curves import common_end, metric_at, metric_curve
from ding_alma.report.run_groups import ALLOCATING, FinishedRun, Groups
from ding_alma.run.run_error import RunError

STATISTICS = (*PAPER_GROUPS["alloc_metrics"], "alloc_entropy")
"""In the order of the tables."""
MEANINGS = {
    "best_prob": "probability of the best proposal under the proposal network",
    "perc_ag_changed": "share of agents that change their subtask at a decision",
    "ag_task_concentration": "how much agents crowd together",
    "any_task_no_agents_pi": "share of decisions that leave a subtask without agents",
    "alloc_entropy": "entropy of the proposal network",
}
QUARTERS = 4


def recorded_statistics(groups: Groups) -> list[str]:
    """The statistics that all runs have.

    Raises:
        RunError: there is none.
    """
    every = [run for runs in groups.values() for run in runs]
    recorded = [{name for name in STATISTICS if _has(run, name)} for run in every]
    for run, names in zip(every, recorded, strict=True):
        if not names:
            raise RunError(f"run {run.place} recorded nothing of its allocations: {_reason(run)}")
    found = [name for name in STATISTICS if all(name in names for names in recorded)]
    if not found:
        places = ", ".join(run.place for run in every)
        raise RunError(f"all runs together have no statistic on record; leave out some of {places}")
    return found


def _has(run: FinishedRun, name: str) -> bool:
    return name in run.metrics and len(metric_curve(run, name)[0]) > 0


def _reason(run: FinishedRun) -> str:
    if run.policy not in ALLOCATING:
        return f"policy {run.policy!r} allocates nobody; leave it out"
    if run.allocation not in (None, "learned"):
        return f"they were {run.allocation!r}, and only learned ones have statistics; leave it out"
    return (
        f"it is too short, {run.train_iters[-1]:,.0f} updates in all, where DI-engine logs every 100th (policy.learn."
        "learner.hook.log_show_after_iter) and an evaluation after it takes the means; resume it for more steps"
    )


def allocation_course(groups: Groups, statistic: str) -> Analysis:
    """One statistic at each quarter of the steps that all runs have reached; before the first value it is missing."""
    end = common_end((run for runs in groups.values() for run in runs), statistic)
    steps = np.linspace(0, end, QUARTERS + 1)[1:]
    rows = {}
    for method, runs in groups.items():
        values = np.stack([metric_at(run, statistic, steps) for run in runs])
        rows[method] = tuple(Cell(tuple(column)) for column in values.T.tolist())
    return Analysis(
        name=f"allocation_{statistic}",
        title=statistic,
        note=f"{MEANINGS[statistic].capitalize()}, mean between two evaluations.",
        metric=statistic,
        corner="environment steps",
        columns=tuple(f"{step:,.0f}" for step in steps),
        rows=rows,
        runs={method: [run.name for run in runs] for method, runs in groups.items()},
    )
