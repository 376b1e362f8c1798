"""Where units are drawn, so that none hides another."""

import numpy as np

ROUNDS = 80
"""Most rounds of pushing; a crowd of thirty at one point is apart after about fifty."""
TOLERANCE = 0.05
"""Share of the radius that two discs may still overlap by."""
TURN = 2.4
"""Angle between the directions that units at exactly one point leave it in; no two of them are alike."""


def spread(places: np.ndarray, radius: float, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Push discs of one radius apart until they do not overlap, as far as there is room.

    Args:
        places: (N, 2) centres.
        low, high: (2,) corners of the rectangle that the centres stay in.

    Returns:
        (N, 2); a disc that overlaps no other stays where it is.
    """
    places = places.astype(np.float64)
    angles = TURN * np.arange(len(places))
    escape = np.stack([np.cos(angles), np.sin(angles)], -1)
    escape = escape[:, None] - escape[None]
    for _ in range(ROUNDS):
        apart = places[:, None] - places[None]
        distance = np.linalg.norm(apart, axis=-1)
        overlap = np.clip(2 * radius - distance, 0, None)
        np.fill_diagonal(overlap, 0)
        if overlap.max(initial=0) <= TOLERANCE * radius:
            break
        direction = np.where((distance > 1e-9)[..., None], apart, escape)
        length = np.maximum(np.linalg.norm(direction, axis=-1), 1e-9)
        push = (direction * (0.5 * overlap / length)[..., None]).sum(1)
        # All neighbours' pushes together would throw a crowd far apart.
        crowd = np.sqrt(np.maximum((overlap > 0).sum(1), 1))
        places = (places + push / crowd[:, None]).clip(low, high)
    return places
