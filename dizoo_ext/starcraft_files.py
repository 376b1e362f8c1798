"""Where StarCraft II and the map lie on this machine; looks at files only, so it works without any of the packages."""

import os
import platform
from pathlib import Path
from typing import NamedTuple

VARIABLE = "SC2PATH"
MAP_FOLDER = "SMAC_Maps"
DEFAULT_MAP = "empty_passive"
MAP_SOURCE = "https://github.com/shariqiqbal2810/ALMA/tree/81bd5c4/src/envs/starcraft2/maps/SMAC_Maps"
INSTALL_GUIDE = "https://github.com/Blizzard/s2client-proto#downloads"


class _Place(NamedTuple):
    """A platform's usual folder of the game, its executable in a version's folder, and where it wants to be started."""

    folder: str
    executable: str
    working_folder: str | None = None


_PLACES = {
    "Linux": _Place("~/StarCraftII", "SC2_x64"),
    "Darwin": _Place("/Applications/StarCraft II", "SC2.app/Contents/MacOS/SC2"),
    "Windows": _Place("C:/Program Files (x86)/StarCraft II", "SC2_x64.exe", "Support64"),
}


def game_folder() -> Path:
    """The folder of the game: the environment variable ``SC2PATH``, or the platform's usual one.

    Raises:
        FileNotFoundError: it does not exist.
    """
    named = os.environ.get(VARIABLE)
    folder = Path(named or _place().folder).expanduser()
    if not folder.is_dir():
        reason = f"{VARIABLE} is {named!r}" if named else f"{VARIABLE} is not set"
        raise FileNotFoundError(
            f"no StarCraft II in {folder} ({reason}); install the game ({INSTALL_GUIDE}) and set {VARIABLE} to its "
            "folder, the one that holds 'Versions' and 'Maps'"
        )
    return folder


def game_builds(folder: Path) -> dict[int, Path]:
    """Build number -> executable of every version of the game in ``folder``, oldest first.

    Raises:
        FileNotFoundError: there is none.
    """
    executables = {
        int(path.name.removeprefix("Base")): path / _place().executable
        for path in folder.glob("Versions/Base*")
        if path.name.removeprefix("Base").isdecimal()
    }
    builds = {build: path for build, path in sorted(executables.items()) if os.access(path, os.X_OK)}
    if not builds:
        raise FileNotFoundError(
            f"no executable {folder / 'Versions' / 'Base<build>' / _place().executable}; {VARIABLE} must name the "
            f"folder of a complete installation of StarCraft II ({INSTALL_GUIDE})"
        )
    return builds


def working_folder(folder: Path) -> Path | None:
    """Where the game must be started from; None for anywhere."""
    inside = _place().working_folder
    return None if inside is None else folder / inside


def map_file(folder: Path, name: str = DEFAULT_MAP) -> Path:
    """The file of a map in the game's folder.

    Raises:
        FileNotFoundError: it does not exist.
    """
    path = folder / "Maps" / MAP_FOLDER / f"{name}.SC2Map"
    if not path.is_file():
        raise FileNotFoundError(f"no map {path}; copy {name}.SC2Map ({MAP_SOURCE}) there")
    return path


def _place() -> _Place:
    try:
        return _PLACES[platform.system()]
    except KeyError:
        raise FileNotFoundError(f"StarCraft II does not exist for {platform.system()}; use {[*_PLACES]}") from None
