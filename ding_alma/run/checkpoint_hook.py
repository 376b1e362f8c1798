"""Checkpoints that are complete whenever the process is killed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ding.worker.learner.learner_hook import LoadCkptHook, SaveCkptHook

from ding_alma.atomic_file import save_atomically
from ding_alma.run.checkpoint import LAST_CHECKPOINT, link_last, read_checkpoint, refuse_lost_run
from ding_alma.run.faults import not_finite
from ding_alma.run.run_error import RunError

SAVE_SECONDS = 300.0
"""Longest time between two checkpoints, as far as iterations allow."""


class AtomicSaveCkptHook(SaveCkptHook):
    """DI-engine's checkpoint hook, writing through a temporary file.

    Same contents (the policy's state, ``last_iter``, ``last_step``) and names. A serial run (``engine.run``, see
    `ding_alma.run.commander`) saves between iterations instead of in the middle of one, with its own state under
    ``run``. `LAST_CHECKPOINT` beside them is always the newest one; those with a name of their own, such as
    ``ckpt_best.pth.tar``, never are. Between two that are due by their number, it alone is renewed every
    `SAVE_SECONDS`.
    """

    _saved_iter = -1
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._saved_at = self.clock()

    def __call__(self, engine: Any) -> None:
        """Save if this is rank 0 and the iteration is due."""
        if self.position == "after_iter" and getattr(engine, "run", None) is not None:
            return
        if engine.last_iter.val % self._freq == 0:
            self._save(engine)
        elif self._is_time():
            self.save_last(engine)

    def save_if_due(self, engine: Any) -> None:
        """Between iterations: save at the start, if a multiple of the frequency has passed, or if it is time to."""
        if self._saved_iter < 0 and getattr(engine, "loaded_run", None) is not None:
            self._saved_iter = engine.last_iter.val
        if engine.last_iter.val // self._freq > self._saved_iter // self._freq:
            self._save(engine)
            self._saved_iter = engine.last_iter.val
        elif self._is_time():
            self.save_last(engine)

    def save_last(self, engine: Any) -> Path:
        """Renew `LAST_CHECKPOINT` alone, whether or not one is due; returns its path."""
        return self._save(engine, LAST_CHECKPOINT)

    def _is_time(self) -> bool:
        return self.clock() - self._saved_at >= SAVE_SECONDS

    def _save(self, engine: Any, name: str = "") -> Path:
        folder = "ckpt" if engine.instance_name == "learner" else f"ckpt_{engine.instance_name}"
        name = name or engine.ckpt_name or f"iteration_{engine.last_iter.val}.pth.tar"
        path = Path(engine.exp_name) / folder / name
        if engine.rank != 0:
            return path
        run = getattr(engine, "run", None)
        state = {
            **engine.policy.state_dict(),
            "last_iter": engine.last_iter.val,
            "last_step": engine.collector_envstep if run is None else run.env_step,
        }
        poisoned = [*not_finite(state.get("model", {}), "model")]
        if poisoned:
            raise RunError(
                f"not finite after {engine.last_iter.val} iterations: {', '.join(poisoned)}; not saved, the checkpoint "
                "before is kept"
            )
        if run is not None and not engine.ckpt_name:
            state["run"] = run.state()
        save_atomically(state, path)
        if not engine.ckpt_name:
            if name != LAST_CHECKPOINT:
                link_last(path, state)
            self._saved_at = self.clock()
            if run is not None:
                run.saved()
        engine.info(f"{engine.instance_name} save ckpt in {path}")
        return path


class CheckedLoadCkptHook(LoadCkptHook):
    """DI-engine's hook that loads a checkpoint before the run, which says what is wrong with one that does not fit."""

    def __call__(self, engine: Any) -> None:
        """Load, if there is something to load, and keep the state of the run for whoever goes on with it.

        Raises:
            RunError: no such file, a damaged one, or one of another policy.
        """
        if not self._load_path:
            if engine.policy.get_attribute("cfg").learn.get("resume_training", False):
                refuse_lost_run(Path(engine.exp_name))
            return
        try:
            state = read_checkpoint(self._load_path)
        except RunError as error:
            raise RunError(f"policy.learn.learner.hook.load_ckpt_before_run: {error}") from error
        engine.last_iter.update(state.pop("last_iter", 0))
        engine.collector_envstep = state.pop("last_step", 0)
        engine.loaded_run = state.pop("run", None)
        try:
            engine.policy.load_state_dict(state)
        except (KeyError, RuntimeError, ValueError) as error:
            raise RunError(
                f"{self._load_path} does not fit the policy of this config; resume a run with the config that it began "
                f"with: {error}"
            ) from error
        cfg = engine.policy.get_attribute("cfg")
        if cfg.learn.get("resume_training", False):
            # DI-engine would collect at random again.
            cfg.random_collect_size = 0
        engine.info(f"{engine.instance_name} load ckpt in {self._load_path}")
