"""Episodes of every method, for the page: pictures, and who works where."""

import base64
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ding_alma.report.play import FilmedEpisode, film, load_run
from ding_alma.report.run_groups import FinishedRun, Groups
from ding_alma.report.scenario_table import SHOWN
from ding_alma.run.checkpoint import BEST_CHECKPOINT, LAST_CHECKPOINT
from ding_alma.run.run_error import RunError
from dizoo_ext.subtask_colours import SUBTASK_COLOURS

MOST_FRAMES = 300
"""Of longer episodes, the page holds so many states at equal distances."""


def film_methods(groups: Groups, episodes: int, seed: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """For each method, episodes of its first run that has a checkpoint, or the reason why there are none.

    Args:
        say: receives lines of news.
    """
    films = []
    for method, runs in groups.items():
        run = next((each for each in runs if _has_checkpoint(each)), runs[0])
        reason, filmed = _reason(runs), []
        if not reason:
            say(f"playing {run.name} of {method}")
            try:
                filmed = film(load_run(str(run.folder)), episodes, seed)
            except RunError as error:
                # The page is handed on: it does not tell where its author keeps the runs.
                told = str(error) if run.folder == Path() else str(error).replace(str(run.folder), run.name)
                reason = f"{run.name} cannot be played: {told}"
        if reason:
            say(f"no episode of {method}: {reason}")
        content = [film_content(episode, run.policy) for episode in filmed]
        films.append({"method": method, "run": run.name, "reason": reason, "episodes": content})
    return films


def film_content(episode: FilmedEpisode, policy: str) -> dict[str, Any]:
    """One episode as the page holds it; lanes are by agent, None at steps at which the agent is not there."""
    stride = math.ceil(len(episode.frames) / MOST_FRAMES)
    # The last state is always there.
    steps = sorted({*range(0, len(episode.frames), stride), len(episode.frames) - 1})
    lanes = _lanes(episode, steps)
    height, width, _ = episode.frames[0].shape
    told = [f"{name.replace('_', ' ')} {episode.metrics[name]:.4g}" for name in SHOWN if name in episode.metrics]
    return {
        "width": width,
        "height": height,
        "steps": steps,
        "frames": [_webp(episode.frames[step]) for step in steps],
        "outcome": ", ".join(told),
        "colours": [f"rgb({red}, {green}, {blue})" for red, green, blue in SUBTASK_COLOURS],
        "lanes": lanes,
        "reason": "" if lanes else f"Policy {policy} allocates nobody here: there are no lanes.",
    }


def _lanes(episode: FilmedEpisode, steps: list[int]) -> list[list[int | None]] | None:
    # Policies without an allocator may well say that nobody has a subtask.
    if episode.allocation is None or (episode.allocation < 0).all():
        return None
    present = np.ones(episode.allocation.shape, bool) if episode.present is None else episode.present
    return [
        [int(subtask) if is_there else None for subtask, is_there in zip(lane, there, strict=True)]
        for lane, there in zip(episode.allocation[steps].T, present[steps].T, strict=True)
    ]


def _webp(frame: np.ndarray) -> str:
    """A picture as base64; drawings get smaller without loss than with it."""
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "WEBP", lossless=True)
    return base64.b64encode(file.getvalue()).decode()


def _has_checkpoint(run: FinishedRun) -> bool:
    names = (BEST_CHECKPOINT, LAST_CHECKPOINT)
    return run.folder is not None and any((run.folder / "ckpt" / name).is_file() for name in names)


def _reason(runs: list[FinishedRun]) -> str:
    if any(map(_has_checkpoint, runs)):
        return ""
    if all(run.folder is None for run in runs):
        return "its runs were read from an earlier comparison, which holds no checkpoints; name the runs' folders"
    return f"none of its runs has ckpt/{BEST_CHECKPOINT} or ckpt/{LAST_CHECKPOINT}"
