"""A picture of entities at their coordinates, drawn with Pillow alone, so that it works without a display."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from dizoo_ext.subtask_colours import SUBTASK_COLOURS

SIZE = 360
"""Width and height in pixels."""
_SMOOTH = 2
"""The picture is drawn this much larger and then shrunk, which smooths its edges."""
_BORDER, _AGENT, _OTHER = 24 * _SMOOTH, 9 * _SMOOTH, 11 * _SMOOTH
_BACKGROUND, _INK, _FRAME, _NOBODY = (250, 249, 244), (52, 50, 46), (200, 198, 190), (150, 150, 150)


def draw_places(
    agents: np.ndarray,
    others: np.ndarray,
    entity_subtask: np.ndarray,
    allocation: np.ndarray,
    labels: Sequence[str],
    caption: str,
) -> np.ndarray:
    """Agents as dots, other entities as squares in the colours of their subtasks, with lines to who is allocated.

    Args:
        agents: (n, 2) places between 0 and 1, x to the right and y downwards.
        others: (m, 2).
        entity_subtask: (m,), -1 for none.
        allocation: (n,), -1 for none.
        labels: n + m texts.
        caption: below the map.

    Returns:
        (360, 360, 3) uint8.
    """
    side = SIZE * _SMOOTH
    image = Image.new("RGB", (side, side), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    places = _BORDER + np.clip(np.concatenate([agents, others]), 0, 1) * (side - 2 * _BORDER)
    near, far = _BORDER - _OTHER, side - _BORDER + _OTHER
    draw.rectangle((near, near, far, far), outline=_FRAME, width=_SMOOTH)
    at_agents, at_others = places[: len(agents)], places[len(agents) :]
    for place, subtask in zip(at_agents, allocation.tolist(), strict=True):
        for target in at_others[(entity_subtask == subtask) & (subtask >= 0)]:
            draw.line((*place, *target), fill=_colour(subtask), width=_SMOOTH)
    for (x, y), subtask in zip(at_others, entity_subtask.tolist(), strict=True):
        draw.rectangle((x - _OTHER, y - _OTHER, x + _OTHER, y + _OTHER), fill=_colour(subtask), outline=_INK)
    for (x, y), subtask in zip(at_agents, allocation.tolist(), strict=True):
        draw.circle((x, y), _AGENT, fill=_BACKGROUND, outline=_colour(subtask), width=2 * _SMOOTH)
    for place, label in zip(places, labels, strict=True):
        draw.text(tuple(place), label, fill=_INK, anchor="mm", font_size=11 * _SMOOTH)
    draw.text((side / 2, side - _BORDER / 4), caption, fill=_INK, anchor="mb", font_size=9 * _SMOOTH)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX))


def _colour(subtask: int) -> tuple[int, int, int]:
    return _NOBODY if subtask < 0 else SUBTASK_COLOURS[subtask % len(SUBTASK_COLOURS)]
