"""Draw a battle with Pillow alone, so that it works without a display."""

import numpy as np
from PIL import Image, ImageDraw

from dizoo_ext.smac_multiarmy.engine.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.match import BASE_RADIUS, CENTRE, MAP_SIZE

SIZE = 480
"""Width and height of the image in pixels."""
_SMOOTH = 3
"""The picture is drawn this much larger and then shrunk, which smooths its edges."""
_UNIT = SIZE * _SMOOTH / MAP_SIZE

_GROUND = (244, 242, 234)
_BASE = (222, 216, 198)
_INK = (52, 50, 46)
_IDLE_AGENT = (110, 110, 116)
_ARMIES = (
    (214, 69, 65),
    (52, 120, 199),
    (46, 150, 96),
    (226, 150, 40),
    (150, 90, 200),
    (60, 170, 180),
    (190, 100, 140),
    (120, 130, 60),
)
_HEALTH, _SHIELD, _EMPTY = (72, 176, 88), (90, 150, 230), (208, 204, 194)
_LETTERS = {"zealot": "Z", "stalker": "S", "marine": "M", "marauder": "R", "medivac": "+"}


def draw_match(match: np.void, rules: np.void, table: np.ndarray, allocation: np.ndarray | None = None) -> np.ndarray:
    """The state of one match.

    Enemies are squares in the colour of their army, filled while it attacks; agents are discs in the colour of the army
    they are allocated to, grey without allocation. Bars are health and shield.

    Args:
        match: record of `match.MATCH`.
        rules: record of `match.RULES`.
        table: unit table of the engine.
        allocation: (A,) army of each agent, -1 for none.

    Returns:
        (480, 480, 3) uint8.
    """
    image = Image.new("RGB", (SIZE * _SMOOTH, SIZE * _SMOOTH), _GROUND)
    draw = ImageDraw.Draw(image)
    if rules["defends_base"]:
        draw.ellipse(_box(CENTRE, CENTRE, BASE_RADIUS), fill=_BASE, outline=_INK)
    for army in range(match["armies"]):
        colour = _ARMIES[army]
        draw.ellipse(_box(match["centre_x"][army], match["centre_y"][army], 0.3), outline=colour, width=_SMOOTH)
    agents = int(match["agents"])
    for u in range(agents + int(match["enemies"])):
        if not match["alive"][u]:
            continue
        kind = table[match["type"][u]]
        x, y = float(match["x"][u]), float(match["y"][u])
        box = _box(x, y, float(kind["radius"]))
        if u < agents:
            army = -1 if allocation is None else int(allocation[u])
            draw.ellipse(box, fill=_ARMIES[army] if army >= 0 else _IDLE_AGENT, outline=_INK, width=_SMOOTH)
        else:
            army = int(match["army"][u])
            fill = _ARMIES[army] if match["attacking"][army] else _GROUND
            draw.rectangle(box, fill=fill, outline=_ARMIES[army], width=2 * _SMOOTH)
        draw.text(
            ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), _LETTERS[UNIT_NAMES[match["type"][u]]], _INK, anchor="mm"
        )
        _draw_bar(draw, box, 1, match["health"][u] / kind["health"], _HEALTH)
        if kind["shield"] > 0:
            _draw_bar(draw, box, 2, match["shield"][u] / kind["shield"], _SHIELD)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def _box(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    """Corners of a square around a point of the map, in pixels; y grows upwards on the map."""
    y = MAP_SIZE - y
    return (x - radius) * _UNIT, (y - radius) * _UNIT, (x + radius) * _UNIT, (y + radius) * _UNIT


def _draw_bar(draw: ImageDraw.ImageDraw, box: tuple, line: int, share: float, colour: tuple[int, int, int]) -> None:
    bottom = box[1] - line * 0.2 * _UNIT
    top = bottom - 0.15 * _UNIT
    draw.rectangle((box[0], top, box[2], bottom), fill=_EMPTY)
    draw.rectangle((box[0], top, box[0] + (box[2] - box[0]) * float(share), bottom), fill=colour)
