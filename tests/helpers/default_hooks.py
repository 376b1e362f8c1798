"""The hooks that every shipped config has, for configs that tests write themselves."""

from typing import Any

from ding_alma.run.hooks import AFTER_LOADING, PROGRESS_DEFAULTS


def default_hooks() -> dict[str, dict[str, Any]]:
    """The entries that give a run its record and its progress, for ``policy.learn.learner.hook``."""
    return {
        "run_record": dict(type="run_record", name="run_record", position="before_run", priority=AFTER_LOADING),
        "progress": dict(
            type="progress",
            name="progress",
            position="before_run",
            priority=AFTER_LOADING,
            ext_args=dict(PROGRESS_DEFAULTS),
        ),
    }
