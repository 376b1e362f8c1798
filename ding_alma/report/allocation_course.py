"""What runs recorded of their allocations in the course of the training."""

import numpy as np

from ding_alma.report.analysis import Analysis, Cell
from ding_alma.report.curves import common_end, metric_at, metric_curve
from ding_alma.report.run_groups import Groups
from ding_alma.run.run_error import RunError
from ding_alma.run.scalars import PAPER_GROUPS

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
    found = [
        name
        for name in STATISTICS
        if all(name in run.metrics and len(metric_curve(run, name)[0]) for runs in groups.values() for run in runs)
    ]
    if not found:
        first = next(run for runs in groups.values() for run in runs if not set(STATISTICS) & run.metrics.keys())
        raise RunError(
            f"run {first.name} (policy {first.policy}) recorded nothing of its allocations: only 'alma' with learned "
            "allocations does"
        )
    return found


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
