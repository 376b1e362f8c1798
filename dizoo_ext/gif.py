"""Write animations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def save_gif(frames: Sequence[np.ndarray], path: str | Path, fps: float) -> None:
    """Save (H, W, 3) uint8 frames as an endless GIF; equal neighbours may be stored as one longer frame.

    Raises:
        ValueError: there is no frame.
    """
    if not frames:
        raise ValueError(f"no frames to write to {path}")
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(path, save_all=True, append_images=others, duration=round(1000 / fps), loop=0)
