"""Draw a game with Pillow alone, so that it works without a display."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dizoo_ext.lux.view import F_WATER, F_X, F_Y, SLOT, TEAM, U_HEAVY, U_ICE, U_ORE, U_X, U_Y, View

SIZE = 480
"""Width and height of the image in pixels."""
_HEADER = 18
_SOIL, _RUBBLE = np.array([214, 176, 140]), np.array([106, 78, 62])
_ICE, _ORE, _LICHEN = np.array([140, 214, 244]), np.array([238, 150, 60]), np.array([96, 176, 72])
_NIGHT = 0.72
_TEAM = ((34, 98, 190), (196, 48, 60))
_WHITE, _INK = (255, 255, 255), (40, 36, 34)


def draw_game(view: View, is_day: bool, title: str, factories: int, allocation: np.ndarray | None = None) -> np.ndarray:
    """The state of a game, (480, 480, 3) uint8.

    Brown is rubble (the darker the more), blue ice, orange ore, green lichen; nights are dark. Squares of three tiles
    are factories with their water, small squares light units, larger ones heavy units (blue player_0, red player_1); a
    white dot says that a unit carries something.

    Args:
        factories: slots of factories; units' slots follow.
        allocation: (units,) own factory of each of player_0's units, by slot, -1 for none; drawn as lines.
    """
    width = view.rubble.shape[0]
    tile = (SIZE - _HEADER) // width
    picture = Image.fromarray(_ground(view, is_day)).resize((tile * width, tile * width), Image.Resampling.NEAREST)
    image = Image.new("RGB", (SIZE, SIZE), _WHITE)
    left = (SIZE - tile * width) // 2
    image.paste(picture, (left, _HEADER))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(11)
    draw.text((4, 2), title, _INK, font)

    def centre(x: int, y: int) -> tuple[float, float]:
        return left + (x + 0.5) * tile, _HEADER + (y + 0.5) * tile

    def square(x: int, y: int, half: float, colour: tuple[int, int, int]) -> None:
        middle = centre(x, y)
        corners = [c - half * tile for c in middle] + [c + half * tile - 1 for c in middle]
        draw.rectangle(corners, colour, _WHITE)

    for row in view.factories.tolist():
        square(row[F_X], row[F_Y], 1.5, _TEAM[row[TEAM]])
        draw.text(centre(row[F_X], row[F_Y]), str(row[F_WATER]), _WHITE, font, anchor="mm")
    homes = {row[SLOT]: centre(row[F_X], row[F_Y]) for row in view.factories.tolist() if row[TEAM] == 0}
    for row in view.units.tolist():
        home = None
        if allocation is not None and row[TEAM] == 0:
            home = homes.get(int(allocation[row[SLOT] - factories]))
        if home is not None:
            draw.line([centre(row[U_X], row[U_Y]), home], _TEAM[0], 1)
        square(row[U_X], row[U_Y], 0.5 if row[U_HEAVY] else 0.35, _TEAM[row[TEAM]])
        if row[U_ICE] or row[U_ORE]:
            square(row[U_X], row[U_Y], 0.15, _WHITE)
    return np.asarray(image)


def _ground(view: View, is_day: bool) -> np.ndarray:
    """(W, W, 3) uint8, rows are y."""
    share = np.clip(view.rubble / 100, 0, 1)[..., None]
    colours = _SOIL * (1 - share) + _RUBBLE * share
    for board, colour in ((view.lichen, _LICHEN), (view.ore, _ORE), (view.ice, _ICE)):
        colours[board > 0] = colour
    return (colours * (1 if is_day else _NIGHT)).astype(np.uint8).transpose(1, 0, 2)
