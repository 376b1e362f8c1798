"""What a run's components write to tensorboard, overheard in one place."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

PAPER_GROUPS = {
    "losses": (
        "q_loss",
        "im_loss",
        "copa_vi_loss",
        "copa_entropy_loss",
        "alloc_q_loss",
        "alloc_amort_loss",
        "alloc_entropy",
    ),
    "train_metrics": (
        "q_grad_norm",
        "td_error_abs",
        "q_taken_mean",
        "target_mean",
        "alloc_q_grad_norm",
        "alloc_pi_grad_norm",
    ),
    "alloc_metrics": ("best_prob", "perc_ag_changed", "ag_task_concentration", "any_task_no_agents_pi"),
    "annealing": ("epsilon", "alloc_eps", "prop_alloc_eps"),
}
"""Group -> monitored variables of the policies, under the names of the ALMA reference's logs."""

GROUP_OF = {variable: group for group, variables in PAPER_GROUPS.items() for variable in variables}
LEARNER_PREFIX = "learner_step/"
EVALUATOR_STEP_PREFIX = "evaluator_step/"
EVALUATOR_ITER_PREFIX = "evaluator_iter/"
DING_MEANS = ("reward_mean", "eval_episode_return_mean")
"""Means of the number that DI-engine optimises, whichever metric that is: not named after a metric."""

Listener = Callable[[str, float, int], None]
"""Receives (tag, value, step)."""


class ScalarTap:
    """Stands in for a writer's ``add_scalar``: writes through, then tells its listeners."""

    def __init__(self, add_scalar: Callable[..., Any]) -> None:
        self.write = add_scalar
        self.listeners: list[Listener] = []

    @classmethod
    def on(cls, writer: Any) -> "ScalarTap":
        """The tap of a tensorboard ``writer``, put there by the first call."""
        if not isinstance(writer.add_scalar, cls):
            writer.add_scalar = cls(writer.add_scalar)
        return writer.add_scalar

    def __call__(self, tag: str, scalar_value: Any, global_step: int | None = None, *args: Any, **kwargs: Any) -> None:
        self.write(tag, scalar_value, global_step, *args, **kwargs)
        for listener in self.listeners:
            listener(tag, float(scalar_value), -1 if global_step is None else int(global_step))


def training_variable(tag: str) -> str | None:
    """The variable of `PAPER_GROUPS` that a tag of DI-engine on the env-step axis is about, or None."""
    if not tag.startswith(LEARNER_PREFIX):
        return None
    variable = tag.removeprefix(LEARNER_PREFIX).removesuffix("_avg")
    return variable if variable in GROUP_OF else None


def paper_tag(tag: str) -> str | None:
    """The reference's tag for a tag of DI-engine on the env-step axis, or None."""
    variable = training_variable(tag)
    if variable is not None:
        return f"{GROUP_OF[variable]}/{variable}"
    if tag.startswith(EVALUATOR_STEP_PREFIX):
        metric = tag.removeprefix(EVALUATOR_STEP_PREFIX)
        return f"eval_env_metrics/{metric}" if metric.endswith("_mean") and metric not in DING_MEANS else None
    return None


def mirror_paper_tags(tap: ScalarTap) -> None:
    """From now on write every scalar that has a name in the reference's logs under that name too."""

    def mirror(tag: str, value: float, step: int) -> None:
        name = paper_tag(tag)
        if name is not None:
            tap.write(name, value, step)

    tap.listeners.append(mirror)


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a policy in training."""

    env_step: int
    train_iter: int
    metrics: dict[str, float]
    """Every scalar that the evaluator logged, e.g. ``solved_mean``, ``reward_mean``, ``evaluate_time``."""
    training: dict[str, float] = field(default_factory=dict)
    """Variables of `PAPER_GROUPS`, means over what the learner logged since the evaluation before; NaN left out."""
    finished: float | None = None
    """When it ended, by `time.monotonic`; None: when it is told of."""


class EvaluationListener:
    """Gathers the scalars that DI-engine's evaluator writes one by one, and the learner's, into an `Evaluation`.

    An evaluation is over at the next scalar of anything else, at the first repeated one, or at `flush`.
    """

    def __init__(self, on_evaluation: Callable[[Evaluation], None]) -> None:
        self._on_evaluation = on_evaluation
        self._metrics: dict[str, float] = {}
        self._training: dict[str, list[float]] = {}
        self._env_step = self._train_iter = 0
        self._finished = 0.0

    def __call__(self, tag: str, value: float, step: int) -> None:
        if tag.startswith(EVALUATOR_ITER_PREFIX):
            self._train_iter_is(step)
        elif tag.startswith(EVALUATOR_STEP_PREFIX):
            metric = tag.removeprefix(EVALUATOR_STEP_PREFIX)
            if metric in self._metrics:
                self.flush()
            self._metrics[metric] = value
            self._env_step = step
            self._finished = time.monotonic()
        else:
            self.flush()
            variable = training_variable(tag)
            if variable is not None and math.isfinite(value):
                self._training.setdefault(variable, []).append(value)

    def flush(self) -> None:
        """Hand over the evaluation gathered so far, if any."""
        if self._metrics:
            training = {variable: fmean(values) for variable, values in self._training.items()}
            evaluation = Evaluation(self._env_step, self._train_iter, self._metrics, training, self._finished)
            self._metrics, self._training = {}, {}
            self._on_evaluation(evaluation)

    def _train_iter_is(self, train_iter: int) -> None:
        if train_iter != self._train_iter:
            self.flush()
        self._train_iter = train_iter
