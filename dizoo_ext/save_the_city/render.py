"""Draw a city with Pillow alone, so that it works without a display."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dizoo_ext.save_the_city.city import (
    AGENT_LETTERS,
    BUILD,
    BUILDER,
    FAST,
    FIRE,
    FIREFIGHTER,
    FREEZE,
    GENERALIST,
    GRID,
    SLOW,
)

SIZE = 480
"""Width and height of the image in pixels."""
_SMOOTH = 3
"""The picture is drawn this much larger and then shrunk, which smooths its edges."""
_CELL = 28 * _SMOOTH
_LEFT = (SIZE * _SMOOTH - GRID * _CELL) // 2
_TOP = 24 * _SMOOTH
_U = _CELL / 28

_BACKGROUND = (238, 236, 228)
_GROUND = (250, 249, 244)
_GRID_LINE = (228, 225, 214)
_INK = (52, 50, 46)
_FAINT = (130, 126, 116)
_AGENT = {FIREFIGHTER: (214, 69, 65), BUILDER: (52, 120, 199), GENERALIST: (46, 150, 96)}
_WALL = {FAST: (222, 184, 135), SLOW: (176, 182, 190)}
_ROOF = {FAST: (150, 92, 52), SLOW: (96, 104, 116)}
_RING = {FIRE: (0, 200, 230), BUILD: (250, 190, 40), FREEZE: (168, 110, 230)}
_GOLD = (240, 180, 30)
_CHARRED = (70, 66, 64)
_HEALTH = (72, 176, 88)
_FLAMES = ((226, 62, 28), (250, 150, 30), (255, 222, 90))
_BAR = (214, 210, 200)
_LETTERS = {kind: letter for letter, kind in AGENT_LETTERS.items()}


def draw_city(city: np.ndarray, allocation: np.ndarray | None = None) -> np.ndarray:
    """The state of one city.

    Houses: brown is fast-burn, grey slow-burn; the left bar is health, the right one fire, and the flame grows with
    the fire; a complete house is golden, a burned one charred. Agents: red F firefighter, blue B builder, green G
    generalist, with a ring after an action on a building (cyan extinguish, yellow build, violet freeze).

    Args:
        city: record of `city.CITY`.
        allocation: (A,) building of each agent, -1 for none; drawn as lines.

    Returns:
        (480, 480, 3) uint8.
    """
    image = _empty_map().copy()
    draw = ImageDraw.Draw(image, "RGBA")
    _draw_title(draw, city)
    if allocation is not None:
        _draw_allocation(draw, city, allocation)
    for b in range(city["buildings"]):
        _draw_building(draw, city, b)
    for i in range(city["agents"]):
        _draw_agent(draw, city, i)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX))


@lru_cache(maxsize=1)
def _empty_map() -> Image.Image:
    image = Image.new("RGB", (SIZE * _SMOOTH, SIZE * _SMOOTH), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    right, bottom = _LEFT + GRID * _CELL, _TOP + GRID * _CELL
    draw.rectangle((_LEFT, _TOP, right, bottom), fill=_GROUND)
    for k in range(GRID + 1):
        draw.line((_LEFT + k * _CELL, _TOP, _LEFT + k * _CELL, bottom), fill=_GRID_LINE, width=_SMOOTH)
        draw.line((_LEFT, _TOP + k * _CELL, right, _TOP + k * _CELL), fill=_GRID_LINE, width=_SMOOTH)
    draw.rectangle((_LEFT, _TOP, right, bottom), outline=_FAINT, width=_SMOOTH)
    return image


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _SMOOTH)


def _centre(x: int, y: int) -> tuple[float, float]:
    return _LEFT + (x + 0.5) * _CELL, _TOP + (GRID - y - 0.5) * _CELL


def _draw_title(draw: ImageDraw.ImageDraw, city: np.ndarray) -> None:
    health = city["health"][: city["buildings"]]
    team = "".join(_LETTERS[kind] for kind in city["agent_type"][: city["agents"]].tolist())
    complete, burned = np.count_nonzero(health == 1.0), np.count_nonzero(health == 0.0)
    text = f"{team}    saved {complete} / {len(health)}    burned {burned}"
    draw.text((_LEFT, _TOP / 2), text, fill=_INK, font=_font(13), anchor="lm")
    draw.text((_LEFT + GRID * _CELL, _TOP / 2), f"step {city['t']}", fill=_INK, font=_font(13), anchor="rm")


def _draw_allocation(draw: ImageDraw.ImageDraw, city: np.ndarray, allocation: np.ndarray) -> None:
    for i, b in enumerate(np.asarray(allocation)[: city["agents"]].tolist()):
        if b >= 0:
            start = _centre(city["agent_x"][i], city["agent_y"][i])
            end = _centre(city["building_x"][b], city["building_y"][b])
            draw.line((*start, *end), fill=(*_AGENT[int(city["agent_type"][i])], 150), width=round(2.2 * _U))


def _draw_building(draw: ImageDraw.ImageDraw, city: np.ndarray, b: int) -> None:
    x, y = _centre(city["building_x"][b], city["building_y"][b])
    health, fire, kind = float(city["health"][b]), float(city["fire"][b]), int(city["building_type"][b])
    wall, roof = _WALL[kind], _ROOF[kind]
    if health == 0.0:
        wall, roof = _CHARRED, _CHARRED
    elif health == 1.0:
        wall = _GOLD
    draw.polygon([(x - 13 * _U, y - 2 * _U), (x, y - 13 * _U), (x + 13 * _U, y - 2 * _U)], fill=roof)
    draw.rectangle((x - 10 * _U, y - 2 * _U, x + 10 * _U, y + 13 * _U), fill=wall, outline=roof, width=round(_U))
    if health == 0.0:
        for slope in (-1, 1):
            ends = (x - 6 * _U, y + (5 - 6 * slope) * _U, x + 6 * _U, y + (5 + 6 * slope) * _U)
            draw.line(ends, fill=_FLAMES[0], width=round(2 * _U))
        return
    if health == 1.0:
        tick = [(x - 5 * _U, y + 5 * _U), (x - 1.5 * _U, y + 9 * _U), (x + 6 * _U, y + 0.5 * _U)]
        draw.line(tick, fill=_GROUND, width=round(3 * _U), joint="curve")
        return
    _draw_bar(draw, x - 7.5 * _U, y, health, _HEALTH)
    _draw_bar(draw, x + 4.0 * _U, y, fire, _FLAMES[0])
    draw.text((x - 0.2 * _U, y + 6 * _U), str(b), fill=_INK, font=_font(9), anchor="mm")
    if fire > 0.0:
        _draw_flame(draw, x, y - 2 * _U, 0.5 + 0.5 * fire)


def _draw_bar(draw: ImageDraw.ImageDraw, left: float, y: float, share: float, colour: tuple[int, int, int]) -> None:
    bottom, height, width = y + 11.5 * _U, 11.5 * _U, 3.5 * _U
    draw.rectangle((left, bottom - height, left + width, bottom), fill=_BAR)
    if share > 0.0:
        draw.rectangle((left, bottom - max(height * share, _U), left + width, bottom), fill=colour)


def _draw_flame(draw: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    for colour, part in zip(_FLAMES, (1.0, 0.68, 0.36), strict=True):
        r = 7 * _U * size * part
        bottom = y + 1 * _U
        draw.polygon(
            [
                (x - r, bottom - 0.9 * r),
                (x - 0.75 * r, bottom - 1.9 * r),
                (x - 0.3 * r, bottom - 1.5 * r),
                (x, bottom - 2.6 * r),
                (x + 0.4 * r, bottom - 1.6 * r),
                (x + 0.8 * r, bottom - 2.0 * r),
                (x + r, bottom - 0.9 * r),
            ],
            fill=colour,
        )
        draw.ellipse((x - r, bottom - 1.8 * r, x + r, bottom), fill=colour)


def _draw_agent(draw: ImageDraw.ImageDraw, city: np.ndarray, i: int) -> None:
    x, y = _centre(city["agent_x"][i], city["agent_y"][i])
    kind = int(city["agent_type"][i])
    ring = _RING.get(int(city["last_action"][i]))
    if ring is not None:
        draw.ellipse(_circle(x, y, 13.5 * _U), fill=ring)
    draw.ellipse(_circle(x, y, 11 * _U), fill=_GROUND)
    draw.ellipse(_circle(x, y, 10 * _U), fill=_AGENT[kind])
    draw.text((x, y), _LETTERS[kind], fill=_GROUND, font=_font(13), anchor="mm")


def _circle(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius
