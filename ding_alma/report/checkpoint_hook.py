"""Checkpoints that are complete whenever the process is killed."""

import os
import tempfile
from pathlib import Path
from typing import Any

from ding.worker.learner.learner_hook import SaveCkptHook

from ding_alma.replay.checkpoint import save_atomically

LAST_CHECKPOINT = "ckpt_last.pth.tar"


class AtomicSaveCkptHook(SaveCkptHook):
    """DI-engine's checkpoint hook, writing through a temporary file.

    Same names, same contents (the policy's state, ``last_iter``, ``last_step``). `LAST_CHECKPOINT` beside them is
    always the newest one.
    """

    def __call__(self, engine: Any) -> None:
        """Save if this is rank 0 and the iteration is due."""
        if engine.rank != 0 or engine.last_iter.val % self._freq != 0:
            return
        folder = "ckpt" if engine.instance_name == "learner" else f"ckpt_{engine.instance_name}"
        path = Path(engine.exp_name) / folder / (engine.ckpt_name or f"iteration_{engine.last_iter.val}.pth.tar")
        state = {
            **engine.policy.state_dict(),
            "last_iter": engine.last_iter.val,
            "last_step": engine.collector_envstep,
        }
        save_atomically(state, path)
        link_last(path, state)
        engine.info(f"{engine.instance_name} save ckpt in {path}")


def link_last(path: Path, state: dict[str, Any]) -> None:
    """Make `LAST_CHECKPOINT` beside ``path`` the same file, or a second one on file systems without hard links."""
    last = path.with_name(LAST_CHECKPOINT)
    with tempfile.TemporaryDirectory(prefix=".link_", dir=path.parent) as scratch:
        link = Path(scratch) / LAST_CHECKPOINT
        try:
            os.link(path, link)
        except OSError:
            save_atomically(state, last)
            return
        os.replace(link, last)
