"""What a run's components write to tensorboard, overheard in one place."""

import math
from collections.abc import Callable
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
            tap(name, value, step)

    tap.listeners.append(mirror)


class TrainingMeans:
    """Means of what the learner logs of `PAPER_GROUPS`, a listener of a `ScalarTap`."""

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def __call__(self, tag: str, value: float, step: int) -> None:
        variable = training_variable(tag)
        if variable is not None and math.isfinite(value):
            self._values.setdefault(variable, []).append(value)

    def take(self) -> dict[str, float]:
        """The means since the last call, NaN left out; none is left."""
        values, self._values = self._values, {}
        return {variable: fmean(numbers) for variable, numbers in values.items()}
