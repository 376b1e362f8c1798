"""Films as files: GIF, and MP4 where the extra is installed."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from ding_alma.atomic_file import replacing
from ding_alma.run.run_error import RunError
from dizoo_ext.gif import save_gif

SUFFIXES = (".gif", ".mp4")
FINEST_RATE = 1000
"""Denominator of the most exact number of frames in a second that an MP4 holds."""


def check_film_path(path: Path) -> None:
    """Raise a RunError if no film can be written there, before the seconds in which one is made."""
    if path.suffix.lower() not in SUFFIXES:
        raise RunError(f"a film's file must end with {' or '.join(SUFFIXES)}, got {path}")
    if path.suffix.lower() == ".mp4":
        try:
            import av  # noqa: F401
        except ImportError:
            raise RunError(
                "MP4 needs the package av: `uv sync --extra film` (or `pip install av`); GIF needs nothing"
            ) from None


def save_film(frames: Sequence[np.ndarray], path: str | Path, fps: float, size: int | None = None) -> None:
    """Write (H, W, 3) uint8 frames as an endless GIF or as an MP4 that browsers play, by the suffix of ``path``.

    Args:
        size: pixels of the longer side, instead of those that the environment draws.

    Raises:
        RunError: as `check_film_path`.
        ValueError: there is no frame.
    """
    path = Path(path)
    check_film_path(path)
    if not frames:
        raise ValueError(f"no frames to write to {path}")
    if size is not None:
        frames = [_resized(frame, size) for frame in frames]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".gif":
        save_gif(frames, path, fps)
    else:
        _save_mp4(frames, path, fps)


def _resized(frame: np.ndarray, size: int) -> np.ndarray:
    height, width, _ = frame.shape
    share = size / max(height, width)
    shape = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(Image.fromarray(frame).resize(shape, Image.Resampling.LANCZOS))


def _save_mp4(frames: Sequence[np.ndarray], path: Path, fps: float) -> None:
    """H.264 with half as many colours as pixels in each direction, the only kind that every player shows."""
    import av

    height, width, _ = frames[0].shape
    with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(FINEST_RATE))
        # Its sides are even; the last row and column are repeated where the frames' are not.
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        for frame in frames:
            even = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
            film.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        film.mux(stream.encode())
