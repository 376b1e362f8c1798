"""The configs that come with this package, by short names: ``fast/save_the_city/alma``."""

import ast
import difflib
from pathlib import Path

ENVIRONMENTS = ("group_matching", "lbf", "lux", "rware", "save_the_city", "smac_multiarmy")
SUFFIX = "_config.py"
_PACKAGE = Path(__file__).parents[1]


def config_folder() -> Path:
    """Inside the package where it is installed from a wheel, beside it in a clone."""
    inside = _PACKAGE / "configs"
    return inside if inside.is_dir() else _PACKAGE.parent / "configs"


def shipped_configs() -> dict[str, Path]:
    """Name -> file, sorted: the paper's settings, then ``fast/`` and ``small/``."""
    folder = config_folder()
    paths = sorted(folder.rglob(f"*{SUFFIX}"), key=lambda path: (len(path.relative_to(folder).parts), path))
    return {_name(path.relative_to(folder)): path for path in paths}


def find_config(name: str | Path) -> Path:
    """The file that a path or a short name stands for.

    Raises:
        ValueError: there is neither; the nearest names are given.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = shipped_configs()
    if str(name) in shipped:
        return shipped[str(name)]
    near = difflib.get_close_matches(str(name), shipped, n=3, cutoff=0.6)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(f"config {name} does not exist, as a file or by a name that `ding-alma configs` lists{hint}")


def describe(path: Path) -> str:
    """The first line of a config's docstring, one whole sentence."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def _name(path: Path) -> str:
    stem = path.name.removesuffix(SUFFIX)
    environment = next((each for each in ENVIRONMENTS if stem.startswith(f"{each}_")), None)
    own = stem if environment is None else f"{environment}/{stem.removeprefix(f'{environment}_')}"
    return (path.parent / own).as_posix()
