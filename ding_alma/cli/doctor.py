"""Is everything installed that training needs, and what is missing for the rest?"""

import importlib
import json
import platform
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from dizoo_ext.starcraft_files import game_builds, game_folder, map_file

PACKAGE = "ding-alma"
OK, MISSING, FAILED = "ok", "optional missing", "failed"
IMPORTS = ("ding_alma.plugin", "dizoo_ext.plugin", "ding.framework")
"""What must import; the last one is the first to break when packages do not fit together."""
EXTRAS = ("sc2", "lux", "report", "film", "pettingzoo", "lbf", "rware")
ONLY_BY_UV = ("sc2", "lux")
"""Extras among whose requirements are packages that must not be installed (docs/install.md)."""


class Check(NamedTuple):
    """One line of the report: ``state`` is `OK`, `MISSING` (optional) or `FAILED`; ``fix`` is empty if it is `OK`."""

    name: str
    state: str
    found: str
    fix: str = ""


def examine() -> Iterator[Check]:
    """Check Python, packages, StarCraft II, and, what takes seconds, imports and the GPU of this machine."""
    yield _python()
    yield from _packages()
    yield from _starcraft()
    yield from map(_import, IMPORTS)
    yield _gpu()


def is_healthy(checks: list[Check]) -> bool:
    """Whether nothing that is required failed."""
    return all(check.state != FAILED for check in checks)


def _python() -> Check:
    wanted = metadata.metadata(PACKAGE)["Requires-Python"]
    version = platform.python_version()
    if SpecifierSet(wanted).contains(version):
        return Check("Python", OK, version)
    return Check("Python", FAILED, version, f"use Python {wanted}, for example `uv python install 3.11`")


def _packages() -> Iterator[Check]:
    seen = set()
    for line in metadata.requires(PACKAGE) or ():
        requirement = Requirement(line)
        extra = next((name for name in EXTRAS if requirement.marker and f'"{name}"' in str(requirement.marker)), None)
        is_needed = requirement.marker is None
        if (extra is None and not is_needed) or requirement.name in seen:
            continue
        seen.add(requirement.name)
        yield _package(requirement, extra)


def _package(requirement: Requirement, extra: str | None) -> Check:
    """The check of one package, needed always or (``extra``) for something optional."""
    wanted = f"{requirement.name}{requirement.specifier}"
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        version = None
    if version is not None and requirement.specifier.contains(version, prereleases=True):
        return Check(requirement.name, OK, version)
    state = FAILED if extra is None else MISSING
    return Check(requirement.name, state, f"{version or 'not installed'}, wanted {wanted}", _remedy(wanted, extra))


def _remedy(wanted: str, extra: str | None) -> str:
    """How to get a package: by uv in a clone of the repository, else by pip."""
    if _is_clone():
        return "`uv sync`" if extra is None else f"`uv sync --extra {extra}`"
    if extra in ONLY_BY_UV:
        return f"`uv sync --extra {extra}` in a clone of the repository; pip cannot install all that it needs"
    return f"`pip install '{wanted if extra is None else f'{PACKAGE}[{extra}]'}'`"


def _is_clone() -> bool:
    """Whether the package runs from the folder of its sources, which is a project of uv."""
    origin = json.loads(metadata.distribution(PACKAGE).read_text("direct_url.json") or "{}")
    return origin.get("dir_info", {}).get("editable", False)


def _import(module: str) -> Check:
    try:
        importlib.import_module(module)
    except Exception as error:
        reason = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")
        again = "`uv sync --reinstall`" if _is_clone() else f"`pip install --force-reinstall {PACKAGE}`"
        return Check(f"import {module}", FAILED, reason, f"mend the packages above, then {again}")
    return Check(f"import {module}", OK, "works")


def _starcraft() -> Iterator[Check]:
    """The game's folder, its versions and the map; what does not exist is not looked into."""
    folder = None

    def look(name: str, find: Callable[[], str]) -> Check:
        try:
            return Check(name, OK, find())
        except FileNotFoundError as error:
            problem, _, fix = str(error).partition("; ")
            return Check(name, MISSING, problem, fix)

    def find_folder() -> str:
        nonlocal folder
        folder = game_folder()
        return str(folder)

    yield look("StarCraft II", find_folder)
    if folder is not None:
        yield look("StarCraft II builds", lambda: ", ".join(map(str, game_builds(folder))))
        yield look("StarCraft II map", lambda: str(map_file(folder)))


def _gpu() -> Check:
    try:
        import torch
    except ImportError as error:
        return Check("GPU", MISSING, f"torch cannot be imported: {error}", "mend the packages above")
    count = torch.cuda.device_count()
    if count:
        return Check("GPU", OK, ", ".join(torch.cuda.get_device_name(index) for index in range(count)))
    return Check("GPU", MISSING, "none that torch can use", "training works without one; it is slower for big networks")
