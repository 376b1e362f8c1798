"""Turn the frames of each finished episode into one GIF file."""

from pathlib import Path

import numpy as np

from dizoo_ext.gif import save_gif

FRAMES_PER_SECOND = 4


class EpisodeGif:
    """Collects the frames of an episode and writes ``<folder>/<name>_episode<number>.gif`` when it ends.

    Args:
        folder: made at the first write.
        name: must differ between the environments that share a folder.
    """

    def __init__(self, folder: str | Path, name: str) -> None:
        self._folder = Path(folder)
        self._name = name
        self._frames: list[np.ndarray] = []
        self._episodes = 0

    def begin(self, frame: np.ndarray) -> None:
        """Start an episode with its first (H, W, 3) uint8 frame; an unfinished one is dropped."""
        self._frames = [frame]

    def add(self, frame: np.ndarray, done: bool) -> None:
        """Append the frame after a step; ``done`` writes the file."""
        self._frames.append(frame)
        if not done:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        save_gif(self._frames, self._folder / f"{self._name}_episode{self._episodes}.gif", FRAMES_PER_SECOND)
        self._episodes += 1
        self._frames = []
