"""A run's agents under another allocation than the one they were trained with (ALMA's test of joint training)."""

import copy
from typing import Any

from ding_alma.report.play import Run
from ding_alma.run.run_error import RunError
from ding_alma.setting.registered import plain_type

ALLOCATOR = "allocator."
"""What the names of the allocator's parameters begin with in a model's state."""
SHARED_VALUES = ("entity.features", "entity.subtasks", "network.attention_heads", "network.popart")
"""Values of a policy's configuration that the allocator's networks depend on, outside of its own block."""


def choose_allocation(run: Run, other: Run | None = None, source: str | None = None) -> Run:
    """The run with the allocator of ``other``, or with allocations from ``source``; unchanged without either.

    Of ``other`` come the networks and the whole block ``policy.allocation``, the clock included.

    Args:
        source: one of `ding_alma.policy.allocation_sources.ALLOCATION_SOURCES`.

    Raises:
        RunError: a policy that allocates nobody, no allocator where one is needed, networks of other sizes.
    """
    if other is None and source is None:
        return run
    _check_allocates(run, "the run")
    config, model = copy.deepcopy(run.config), dict(run.state["model"])
    if other is not None:
        if source not in (None, "learned"):
            raise RunError(f"allocations from {source!r} need no allocator; leave one of the two options out")
        _check_allocates(other, "the allocator's run")
        _check_sizes(run, other)
        model = {name: value for name, value in model.items() if not name.startswith(ALLOCATOR)}
        model |= {name: value for name, value in other.state["model"].items() if name.startswith(ALLOCATOR)}
        config.policy.allocation = copy.deepcopy(other.config.policy.allocation)
        source = "learned"
    has_allocator = any(name.startswith(ALLOCATOR) for name in model)
    if source == "learned" and not has_allocator:
        trained = (other or run).config.policy.allocation.source
        raise RunError(f"there is no allocator in a run trained with {trained!r} allocations; name one that learned")
    if source != "learned":
        model = {name: value for name, value in model.items() if not name.startswith(ALLOCATOR)}
    config.policy.allocation.source = source
    return Run(config, {**run.state, "model": model})


def _check_allocates(run: Run, what: str) -> None:
    kind = plain_type(run.config.policy.type)
    if kind != "alma":
        raise RunError(f"{what} has policy {kind!r}, which allocates nobody; only 'alma' does")


def _check_sizes(run: Run, other: Run) -> None:
    differences = [
        f"policy.{path} is {_value(run, path)} in the run and {_value(other, path)} in the allocator's"
        for path in SHARED_VALUES
        if _value(run, path) != _value(other, path)
    ]
    if differences:
        raise RunError("the allocator does not fit the run: " + "; ".join(differences))


def _value(run: Run, path: str) -> Any:
    block, key = path.split(".")
    return run.config.policy[block][key]
