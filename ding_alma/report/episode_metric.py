"""Which of an episode's metrics a command looks at."""

import difflib
from collections.abc import Mapping

from ding_alma.monitor.progress import HEADLINE_METRICS
from ding_alma.run.run_error import RunError


def episode_metric(name: str | None, metrics: Mapping[str, float]) -> str:
    """The metric's name in ``metrics``; without one, the first of `HEADLINE_METRICS` that is there, else the return.

    ``solved`` and ``solved_mean``, as runs record it, are the same.

    Raises:
        RunError: there is no such metric; the nearest names are given.
    """
    if name is None:
        return next((each for each in (*HEADLINE_METRICS, "return") if each in metrics), next(iter(metrics)))
    short = name.removesuffix("_mean")
    found = next((each for each in (name, short) if each in metrics), None)
    if found is None:
        near = difflib.get_close_matches(short, metrics, n=3, cutoff=0.4) or sorted(metrics)
        raise RunError(f"episodes have no metric {name!r}; did you mean {' or '.join(near)}?")
    return found
