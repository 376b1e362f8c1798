"""Draw a match with Pillow alone, so that it works without a display."""

import math

import numpy as np
from PIL import Image, ImageDraw

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.match import BASE_RADIUS, CENTRE, MAP_SIZE, WON
from dizoo_ext.smac_multiarmy.unit_places import spread
from dizoo_ext.subtask_colours import SUBTASK_COLOURS

WIDTH, HEIGHT = 480, 564
"""Of the image, in pixels."""
_SMOOTH = 3
"""The picture is drawn this much larger and then shrunk, which smooths its edges."""
_MARGIN = 6 * _SMOOTH
_TITLE = 24 * _SMOOTH
_SCALE = (WIDTH * _SMOOTH - 2 * _MARGIN) / MAP_SIZE
_LEGEND = _TITLE + WIDTH * _SMOOTH
"""Where the legend begins."""
_LINE = 19 * _SMOOTH
_PER_LINE = 5
"""Teams in one line of the legend: agents and eight armies fill two."""
_RADIUS = 10 * _SMOOTH
"""Of a unit as drawn, whatever its type: its letter and its bars can be read."""
_BAR = 5 * _SMOOTH
_BARS = 2 * _BAR + 2 * _SMOOTH
"""What the bars take above a unit."""
_FLAT = 2 * _RADIUS / (2 * _RADIUS + _BARS)
"""Units are pushed apart as discs in a picture that is flattened by this, because they are so much higher with bars."""

_BACKGROUND = (238, 236, 228)
_GROUND = (250, 249, 244)
_INK = (52, 50, 46)
_FAINT = (180, 176, 166)
_BASE = (246, 226, 160)
_AGENT = (46, 150, 96)
_SHIELD, _EMPTY = (60, 130, 235), (255, 255, 255)
_HEALTH = ((0.33, (205, 45, 40)), (0.66, (235, 165, 20)), (math.inf, (56, 168, 76)))
"""Share of its health up to which a unit's bar has a colour."""
_LETTERS = {"zealot": "Z", "stalker": "S", "marine": "m", "marauder": "M", "medivac": "+"}


def draw_match(match: np.void, rules: np.void, table: np.ndarray, allocation: np.ndarray | None = None) -> np.ndarray:
    """The state of one match, with a legend of teams, how many of each live, types and marks.

    Agents are green, enemies have their army's colour and a thick edge while it attacks. Bars are shield, in blue, and
    health: green, amber from two thirds on, red from one third on. Crosses are dead units; the yellow disc is the base,
    small circles are the places where armies were spawned. Units that stand upon each other are drawn side by side.

    Args:
        match: record of `match.MATCH`.
        rules: record of `match.RULES`.
        table: unit table of the engine.
        allocation: (A,) army of each agent, -1 for none; drawn as dashes to the middle of the army.

    Returns:
        (564, 480, 3) uint8.
    """
    image = Image.new("RGB", (WIDTH * _SMOOTH, HEIGHT * _SMOOTH), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    draw.rectangle((*_place(0.0, MAP_SIZE), *_place(MAP_SIZE, 0.0)), fill=_GROUND, outline=_FAINT, width=_SMOOTH)
    if rules["defends_base"]:
        draw.circle(_place(CENTRE, CENTRE), BASE_RADIUS * _SCALE, fill=_BASE)
    armies, agents = int(match["armies"]), int(match["agents"])
    for army in range(armies):
        spawned = _place(match["centre_x"][army], match["centre_y"][army])
        draw.circle(spawned, 0.3 * _SCALE, outline=SUBTASK_COLOURS[army], width=_SMOOTH)
    beaten = int((match["outcome"][:armies] == WON).sum())
    title = f"step {int(match['t'])}    armies defeated {beaten} of {armies}    return {match['total_reward']:.1f}"
    draw.text((_MARGIN, _TITLE / 2 + _MARGIN / 2), title, fill=_INK, anchor="lm", font_size=14 * _SMOOTH)
    living = match["alive"][: agents + int(match["enemies"])] > 0
    for u in np.flatnonzero(~living):
        _draw_cross(draw, _place(match["x"][u], match["y"][u]), _colour(match, u))
    places = _unit_places(match, living)
    if allocation is not None:
        for agent in np.flatnonzero(living[:agents]):
            _draw_allocation(draw, match, places, agent, int(allocation[agent]))
    for u, place in places.items():
        _draw_unit(draw, match, u, place, table[match["type"][u]])
    _draw_legend(draw, match, living)
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BOX))


def _place(x: float, y: float) -> tuple[float, float]:
    """A point of the map in pixels; y grows upwards on the map."""
    return _MARGIN + float(x) * _SCALE, _TITLE + _MARGIN + (MAP_SIZE - float(y)) * _SCALE


def _unit_places(match: np.void, living: np.ndarray) -> dict[int, tuple[float, float]]:
    """Living unit -> where it is drawn, in pixels."""
    units = np.flatnonzero(living)
    if not len(units):
        return {}
    flat = np.array([1.0, _FLAT])
    true = np.array([_place(match["x"][u], match["y"][u]) for u in units])
    # Units at the upper edge keep room for their bars.
    low = np.add(_place(0.0, MAP_SIZE), (_RADIUS, _RADIUS + _BARS))
    high = np.subtract(_place(MAP_SIZE, 0.0), _RADIUS)
    drawn = spread(true.clip(low, high) * flat, _RADIUS + _SMOOTH, low * flat, high * flat) / flat
    return {int(u): (float(x), float(y)) for u, (x, y) in zip(units, drawn, strict=True)}


def _colour(match: np.void, u: int) -> tuple[int, int, int]:
    return SUBTASK_COLOURS[match["army"][u]] if match["army"][u] >= 0 else _AGENT


def _draw_cross(draw: ImageDraw.ImageDraw, place: tuple[float, float], colour: tuple[int, int, int]) -> None:
    (x, y), arm = place, 0.3 * _SCALE
    for slope in (arm, -arm):
        draw.line((x - arm, y - slope, x + arm, y + slope), fill=colour, width=_SMOOTH)


def _draw_allocation(
    draw: ImageDraw.ImageDraw, match: np.void, places: dict[int, tuple[float, float]], agent: int, army: int
) -> None:
    members = [place for u, place in places.items() if match["army"][u] == army]
    if army < 0 or not members:
        return
    start, end = places[agent], np.mean(members, 0).tolist()
    dashes = max(1, int(math.dist(start, end) / (6 * _SMOOTH)))
    for k in range(0, dashes, 2):
        dash = [
            tuple(a + (b - a) * step / dashes for a, b in zip(start, end, strict=True))
            for step in (k, min(k + 1, dashes))
        ]
        draw.line(dash, fill=SUBTASK_COLOURS[army], width=_SMOOTH)


def _draw_unit(draw: ImageDraw.ImageDraw, match: np.void, u: int, place: tuple[float, float], kind: np.void) -> None:
    army = int(match["army"][u])
    edge = 3 if army >= 0 and match["attacking"][army] else 1
    draw.circle(place, _RADIUS - _SMOOTH, fill=_colour(match, u), outline=_INK, width=edge * _SMOOTH)
    letter = _LETTERS[UNIT_NAMES[match["type"][u]]]
    draw.text(place, letter, fill=(255, 255, 255), anchor="mm", font_size=12 * _SMOOTH)
    health = float(match["health"][u] / kind["health"])
    bars = [(health, next(colour for limit, colour in _HEALTH if health <= limit))]
    if kind["shield"] > 0:
        bars.append((float(match["shield"][u] / kind["shield"]), _SHIELD))
    left, bottom = place[0] - _RADIUS, place[1] - _RADIUS
    for line, (share, colour) in enumerate(bars):
        _draw_bar(draw, left, bottom - line * (_BAR - _SMOOTH), share, colour)


def _draw_bar(
    draw: ImageDraw.ImageDraw, left: float, bottom: float, share: float, colour: tuple[int, int, int]
) -> None:
    """A bar in a dark frame, in which what is missing is white; never empty while something is left."""
    right = left + 2 * _RADIUS
    draw.rectangle((left, bottom - _BAR, right, bottom), fill=_EMPTY, outline=_INK, width=_SMOOTH)
    inside = right - left - 2 * _SMOOTH
    if share > 0:
        end = left + _SMOOTH + max(_SMOOTH, inside * min(share, 1.0))
        draw.rectangle((left + _SMOOTH, bottom - _BAR + _SMOOTH, end, bottom - _SMOOTH), fill=colour)


def _draw_legend(draw: ImageDraw.ImageDraw, match: np.void, living: np.ndarray) -> None:
    agents, armies = int(match["agents"]), int(match["armies"])
    army = match["army"][: len(living)]
    teams = [("agents", _AGENT, np.arange(len(living)) < agents)]
    teams += [(f"army {a}", SUBTASK_COLOURS[a], army == a) for a in range(armies)]
    column = (WIDTH * _SMOOTH - 2 * _MARGIN) / _PER_LINE
    for place, (name, colour, members) in enumerate(teams):
        x = _MARGIN + column * (place % _PER_LINE) + 6 * _SMOOTH
        y = _LEGEND + _LINE * (place // _PER_LINE + 0.5)
        draw.circle((x, y), 5 * _SMOOTH, fill=colour)
        text = f"{name}: {(living & members).sum()}/{members.sum()}"
        draw.text((x + 9 * _SMOOTH, y), text, fill=_INK, anchor="lm", font_size=12 * _SMOOTH)
    kinds = [UNIT_NAMES[kind] for kind in sorted(set(match["type"][: len(living)].tolist()))]
    told = [*(f"{_LETTERS[kind]} {kind}" for kind in kinds), "x dead", "thick edge: attacks", "bars: shield, health"]
    y = _LEGEND + _LINE * 2.5
    draw.text((_MARGIN, y), "    ".join(told), fill=_INK, anchor="lm", font_size=11 * _SMOOTH)
