"""Simplex noise under the interface of the package ``vec_noise``, which no longer builds, made with ``noise``.

The engine draws its maps from this noise. It takes thresholds of it, so the values must be those of ``vec_noise`` to
the last bit: single precision in and out. The maps' seed does not enter, and an engine asks for the same few grids
again and again: they are kept.
"""

from functools import lru_cache

import numpy as np


def snoise2(x: np.ndarray, y: np.ndarray, octaves: int = 1) -> np.ndarray:
    """Two-dimensional simplex noise at the points of the broadcast of ``x`` and ``y``, float32, freshly allocated."""
    x, y = np.broadcast_arrays(np.asarray(x, np.float32), np.asarray(y, np.float32))
    # The engine mirrors what it is given in place.
    return _grid(x.shape, x.tobytes(), y.tobytes(), octaves).copy()


@lru_cache(maxsize=64)
def _grid(shape: tuple[int, ...], x: bytes, y: bytes, octaves: int) -> np.ndarray:
    from noise import snoise2 as noise_at

    points = zip(np.frombuffer(x, np.float32).tolist(), np.frombuffer(y, np.float32).tolist(), strict=True)
    return np.array([noise_at(*point, octaves=octaves) for point in points], np.float32).reshape(shape)
