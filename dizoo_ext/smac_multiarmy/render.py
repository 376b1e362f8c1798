"""Draw a match with Pillow alone, so that it works without a display."""

import math

import numpy as np
from PIL import Image, ImageDraw

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.match import BASE_RADIUS, CENTRE, MAP_SIZE, WON
from dizoo_ext.subtask_colours import SUBTASK_COLOURS

WIDTH, HEIGHT = 480, 504
"""Of the image, in pixels."""
_SMOOTH = 3
"""The picture is drawn this much larger and then shrunk, which smooths its edges."""
_MARGIN = 6 * _SMOOTH
_TITLE = (HEIGHT - WIDTH) * _SMOOTH
_SCALE = (WIDTH * _SMOOTH - 2 * _MARGIN) / MAP_SIZE
_SMALLEST = 0.6
"""Radius with which smaller units are drawn, in map units, so that their letters can be read."""

_BACKGROUND = (238, 236, 228)
_GROUND = (250, 249, 244)
_INK = (52, 50, 46)
_FAINT = (180, 176, 166)
_BASE = (246, 226, 160)
_AGENT = (46, 150, 96)
_HEALTH, _SHIELD, _EMPTY = (72, 176, 88), (90, 150, 230), (214, 210, 200)
_LETTERS = {"zealot": "Z", "stalker": "S", "marine": "m", "marauder": "M", "medivac": "+"}


def draw_match(match: np.void, rules: np.void, table: np.ndarray, allocation: np.ndarray | None = None) -> np.ndarray:
    """The state of one match.

    Agents are green, enemies have their army's colour and a thick edge while it attacks. Letters: Z zealot, S stalker,
    m marine, M marauder, + medivac. Bars are health and, blue, shield; crosses are dead units; the yellow disc is the
    base, small circles are the places where armies were spawned.

    Args:
        match: record of `match.MATCH`.
        rules: record of `match.RULES`.
        table: unit table of the engine.
        allocation: (A,) army of each agent, -1 for none; drawn as dashes to the middle of the army.

    Returns:
        (504, 480, 3) uint8.
    """
    image = Image.new("RGB", (WIDTH * _SMOOTH, HEIGHT * _SMOOTH), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.rectangle((*_place(0.0, MAP_SIZE), *_place(MAP_SIZE, 0.0)), fill=_GROUND, outline=_FAINT, width=_SMOOTH)
    if rules["defends_base"]:
        draw.circle(_place(CENTRE, CENTRE), BASE_RADIUS * _SCALE, fill=_BASE)
    armies, agents = int(match["armies"]), int(match["agents"])
    for army in range(armies):
        draw.circle(
            _place(match["centre_x"][army], match["centre_y"][army]),
            0.3 * _SCALE,
            outline=SUBTASK_COLOURS[army],
            width=_SMOOTH,
        )
    beaten = int((match["outcome"][:armies] == WON).sum())
    title = f"step {int(match['t'])}    armies defeated {beaten} of {armies}    return {match['total_reward']:.1f}"
    draw.text((_MARGIN, _TITLE / 2 + _MARGIN / 2), title, fill=_INK, anchor="lm", font_size=14 * _SMOOTH)
    living = match["alive"][: agents + int(match["enemies"])] > 0
    for u in np.flatnonzero(~living):
        _draw_cross(draw, match, u)
    if allocation is not None:
        for agent in np.flatnonzero(living[:agents]):
            _draw_allocation(draw, match, living, agent, int(allocation[agent]))
    for u in np.flatnonzero(living):
        _draw_unit(draw, match, u, table[match["type"][u]])
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BOX))


def _place(x: float, y: float) -> tuple[float, float]:
    """A point of the map in pixels; y grows upwards on the map."""
    return _MARGIN + float(x) * _SCALE, _TITLE + _MARGIN + (MAP_SIZE - float(y)) * _SCALE


def _colour(match: np.void, u: int) -> tuple[int, int, int]:
    return SUBTASK_COLOURS[match["army"][u]] if match["army"][u] >= 0 else _AGENT


def _draw_cross(draw: ImageDraw.ImageDraw, match: np.void, u: int) -> None:
    x, y = _place(match["x"][u], match["y"][u])
    arm = 0.3 * _SCALE
    for slope in (arm, -arm):
        draw.line((x - arm, y - slope, x + arm, y + slope), fill=_colour(match, u), width=_SMOOTH)


def _draw_allocation(draw: ImageDraw.ImageDraw, match: np.void, living: np.ndarray, agent: int, army: int) -> None:
    members = np.flatnonzero(living & (match["army"][: len(living)] == army))
    if army < 0 or not len(members):
        return
    start = _place(match["x"][agent], match["y"][agent])
    end = _place(match["x"][members].mean(), match["y"][members].mean())
    dashes = max(1, int(math.dist(start, end) / (6 * _SMOOTH)))
    for k in range(0, dashes, 2):
        dash = [
            tuple(a + (b - a) * step / dashes for a, b in zip(start, end, strict=True))
            for step in (k, min(k + 1, dashes))
        ]
        draw.line(dash, fill=SUBTASK_COLOURS[army], width=_SMOOTH)


def _draw_unit(draw: ImageDraw.ImageDraw, match: np.void, u: int, kind: np.void) -> None:
    x, y = _place(match["x"][u], match["y"][u])
    army = int(match["army"][u])
    size = max(float(kind["radius"]), _SMALLEST) * _SCALE
    edge = 3 if army >= 0 and match["attacking"][army] else 1
    draw.circle((x, y), size, fill=_colour(match, u), outline=_INK, width=edge * _SMOOTH)
    letter = _LETTERS[UNIT_NAMES[match["type"][u]]]
    draw.text((x, y), letter, fill=(255, 255, 255), anchor="mm", font_size=11 * _SMOOTH)
    bars = [(match["health"][u] / kind["health"], _HEALTH)]
    if kind["shield"] > 0:
        bars.append((match["shield"][u] / kind["shield"], _SHIELD))
    for line, (share, colour) in enumerate(bars):
        bottom = y - size - (2 + 4 * line) * _SMOOTH
        draw.rectangle((x - size, bottom - 3 * _SMOOTH, x + size, bottom), fill=_EMPTY)
        draw.rectangle((x - size, bottom - 3 * _SMOOTH, x - size + 2 * size * float(share), bottom), fill=colour)
