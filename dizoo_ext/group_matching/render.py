"""Draw a ring of cells with Pillow alone, so that it works without a display."""

import math

import numpy as np
from PIL import Image, ImageDraw

SIZE = 320
"""Width and height of the image in pixels."""
_SMOOTH = 3
"""The picture is drawn this much larger and then shrunk, which smooths its edges."""
_RING = 105 * _SMOOTH
_CELL = 34 * _SMOOTH
_AGENT = 6 * _SMOOTH
_BACKGROUND = (250, 249, 244)
_INK = (52, 50, 46)
_COLOURS = (
    (52, 120, 199),
    (214, 69, 65),
    (46, 150, 96),
    (168, 110, 230),
    (250, 150, 30),
    (0, 170, 190),
    (150, 92, 52),
    (96, 104, 116),
)


def draw_game(game: np.ndarray, rules: np.ndarray) -> np.ndarray:
    """Agents as dots in their group's colour, on a ring of cells.

    Args:
        game: record of `game.GAME`.
        rules: record of `game.RULES`.

    Returns:
        (320, 320, 3) uint8.
    """
    image = Image.new("RGB", (SIZE * _SMOOTH, SIZE * _SMOOTH), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    middle = SIZE * _SMOOTH / 2
    cells, agents = int(rules["cells"]), int(rules["agents"])
    radius = min(_CELL, _RING * math.sin(math.pi / cells) * 0.92)
    for cell in range(cells):
        turn = 2 * math.pi * cell / cells - math.pi / 2
        x, y = middle + _RING * math.cos(turn), middle + _RING * math.sin(turn)
        draw.circle((x, y), radius, outline=_INK, width=_SMOOTH)
        here = np.flatnonzero(game["cell"][:agents] == cell)
        for place, agent in enumerate(here):
            angle = 2 * math.pi * place / len(here)
            off = radius * 0.6 if len(here) > 1 else 0.0
            group = int(game["member"][:, agent].argmax())
            centre = (x + off * math.cos(angle), y + off * math.sin(angle))
            draw.circle(centre, _AGENT, fill=_COLOURS[group], outline=_INK, width=_SMOOTH)
    text = f"step {int(game['t'])}   matches {int(game['matches'])} of {int(rules['groups'])}"
    draw.text((middle, middle), text, fill=_INK, anchor="mm", font_size=13 * _SMOOTH)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX))
