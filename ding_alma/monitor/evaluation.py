"""Evaluations of a policy in training, on their way from the evaluator to whoever keeps or shows them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

LISTENERS = "evaluation_listeners"
"""Attribute of DI-engine's learner: functions that take an `Evaluation`."""
START_LISTENERS = "evaluation_start_listeners"
"""Attribute of DI-engine's learner: functions that take what is to be evaluated, in words."""


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a policy in training."""

    env_step: int
    train_iter: int
    metrics: dict[str, float]
    """``<metric>_mean`` of every metric of the environment, over the episodes that have it, such as ``solved_mean``;
    ``eval_episode_return_mean`` is the one that DI-engine optimises. ``evaluate_time`` in seconds."""
    training: dict[str, float] = field(default_factory=dict)
    """Monitored variables of the policy, means over what the learner logged since the evaluation before."""


def mean_metrics(episodes: Mapping[str, Any]) -> dict[str, float]:
    """``<metric>_mean`` of every metric, NaN only where no episode has it.

    Args: episodes, one number per episode for each metric, as DI-engine's evaluators return them; entries of other
    kinds are left out.
    """
    means = {}
    for name, values in episodes.items():
        if isinstance(values, list) and all(isinstance(value, int | float) for value in values):
            known = [float(value) for value in values if math.isfinite(value)]
            means[f"{name}_mean"] = fmean(known) if known else math.nan
    return means


def listen(learner: Any, listener: Callable[[Evaluation], None]) -> None:
    """Have ``listener`` told of every evaluation of the run that ``learner`` trains."""
    vars(learner).setdefault(LISTENERS, []).append(listener)


def listen_to_starts(learner: Any, listener: Callable[[str], None]) -> None:
    """Have ``listener`` told before every evaluation of the run that ``learner`` trains, for which everybody waits."""
    vars(learner).setdefault(START_LISTENERS, []).append(listener)


def announce_start(learner: Any, what: str) -> None:
    """Tell everybody who listens to starts."""
    for listener in getattr(learner, START_LISTENERS, ()):
        listener(what)


def announce(learner: Any, evaluation: Evaluation) -> None:
    """Tell everybody who listens."""
    for listener in getattr(learner, LISTENERS, ()):
        listener(evaluation)
