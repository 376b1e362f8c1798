"""A run's scalars in Weights & Biases as well as in tensorboard."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ding_alma.monitor.scalars import ScalarTap

TRACKERS = ("tensorboard", "wandb")
"""Values of ``policy.learn.tracker``."""
ID_NAME = "wandb_id.txt"
"""File in a run's folder with the run's name at Weights & Biases, under which a resumed run goes on."""
PROJECT = "ding-alma"
"""Used unless the environment variable ``WANDB_PROJECT`` names another."""


def track(run_dir: Path, config: Mapping[str, Any], tap: ScalarTap) -> Callable[[], None]:
    """From now on send every scalar of ``tap`` to Weights & Biases, under its name in tensorboard.

    Scalars lie over ``env_step``, those of groups such as ``learner_iter/`` over ``train_iter``. Weights & Biases'
    own environment variables (``WANDB_MODE=offline``, ``WANDB_PROJECT``, ``WANDB_ENTITY``, ...) hold.

    Args:
        run_dir: the run's folder, where its files go.
        config: shown beside the run.
        tap: of the run's tensorboard writer.

    Returns:
        What ends it.

    Raises:
        ImportError: the package ``wandb`` is missing.
        wandb.Error: it cannot begin, for example because nobody is logged in.
    """
    # Here, because it takes seconds to import and few runs use it.
    import wandb

    name = run_dir / ID_NAME
    run_id = name.read_text(encoding="utf-8").strip() if name.exists() else wandb.util.generate_id()
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        name=f"{run_dir.parent.name}/{run_dir.name}",
        id=run_id,
        resume="allow",
        dir=str(run_dir),
        config=dict(config),
        # Its own copy of the console would take the place of the line with the progress.
        settings=wandb.Settings(console="off", silent=True),
    )
    name.write_text(run_id, encoding="utf-8")
    axes: dict[str, str] = {}

    def on_scalar(tag: str, value: float, step: int) -> None:
        if tag not in axes:
            axes[tag] = "train_iter" if tag.partition("/")[0].endswith("_iter") else "env_step"
            run.define_metric(tag, step_metric=axes[tag])
        run.log({tag: value, axes[tag]: step})

    tap.listeners.append(on_scalar)
    return run.finish
