"""Checkpoints on the disk: their names, where they are and how they are read."""

import logging
import os
from pathlib import Path
from typing import Any

from ding_alma.atomic_file import save_atomically, unfinished
from ding_alma.run.run_config import runs_below
from ding_alma.run.run_error import RunError
from ding_alma.run.run_record import RECORD_NAME, Reached, read_record
from dizoo_ext.checked_load import load_checked

BEST_CHECKPOINT, LAST_CHECKPOINT = "ckpt_best.pth.tar", "ckpt_last.pth.tar"


def find_checkpoint(path: Path) -> Path:
    """The checkpoint file meant by ``path``. Raises a RunError, naming what there is instead."""
    if path.is_dir():
        folder = path / "ckpt" if (path / "ckpt").is_dir() else path
        for name in (BEST_CHECKPOINT, LAST_CHECKPOINT):
            if (folder / name).is_file():
                if name != BEST_CHECKPOINT:
                    logging.warning(f"{folder} has no {BEST_CHECKPOINT}: {name} takes its place")
                return folder / name
        below = sorted(runs_below(path))
        if below:
            raise RunError(f"{path} holds several runs; name one of them, such as {below[0]}")
        raise RunError(f"no {BEST_CHECKPOINT} or {LAST_CHECKPOINT} in {folder}; name a checkpoint file")
    if not path.is_file():
        others = [*path.parent.glob("*.pth.tar"), *runs_below(path.parent)]
        others.sort(key=lambda other: other.stat().st_mtime, reverse=True)
        names = ", ".join(other.relative_to(path.parent).as_posix() for other in others[:4])
        raise RunError(f"run or checkpoint {path} does not exist; newest in {path.parent}: {names or 'none'}")
    return path


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """A policy's checkpoint, on the CPU. Raises a RunError if it is missing, damaged or something else."""
    try:
        state = load_checked(path)
    except FileNotFoundError:
        raise RunError(f"there is no checkpoint {path}") from None
    except ValueError as error:
        raise RunError(
            f"checkpoint {path} cannot be read ({error}); it is damaged or no checkpoint{_others(Path(path))}"
        ) from error
    if not isinstance(state, dict) or "model" not in state:
        raise RunError(f"{path} is not a policy's checkpoint: it has no key 'model'")
    return state


def _others(path: Path) -> str:
    """What there is instead of a damaged checkpoint, in words that fit the end of a sentence."""
    others = sorted(path.parent.glob("*.pth.tar"), key=lambda other: other.stat().st_mtime, reverse=True)
    # The newest is one file with the last, under another name.
    names = [other.name for other in others if not other.samefile(path)][:3]
    return f"; others in {path.parent}: {', '.join(names)}" if names else ""


def refuse_lost_run(folder: Path) -> None:
    """Look at a run that is to go on and has no `LAST_CHECKPOINT`: it would begin anew, over what is left of it.

    Raises:
        RunError: it had got beyond its beginning.
    """
    best = folder / "ckpt" / BEST_CHECKPOINT
    reached = Reached(folder).read()
    if (folder / RECORD_NAME).is_file():
        reached = max([reached, *(point["env_step"] for point in read_record(folder)["evaluations"])])
    elif best.is_file():
        reached = max(reached, 1)
    if reached:
        weights = best if best.is_file() else "CHECKPOINT"
        raise RunError(
            f"{folder} has no {LAST_CHECKPOINT} to go on from, and a new beginning would overwrite what is left of the "
            "run; to train on with its weights, begin another: ding-alma train CONFIG -o FOLDER "
            f"policy.learn.learner.hook.load_ckpt_before_run={weights}"
        )


def link_last(path: Path, state: dict[str, Any]) -> None:
    """Make `LAST_CHECKPOINT` beside ``path`` the same file, or a second one on file systems without hard links."""
    last = path.with_name(LAST_CHECKPOINT)
    link = unfinished(last)
    try:
        os.link(path, link)
    except OSError:
        save_atomically(state, last)
        return
    os.replace(link, last)
