"""A run's folder is data: which modules its configuration may make this process import.

DI-engine imports whatever a configuration lists under ``import_names``, and importing a module runs it. A folder may
come from anybody, so it may name modules of this project and of DI-engine, those that are loaded already (which runs
nothing) and those of packages that the user has named.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

OWN = ("ding", "ding_alma", "dizoo_ext")
VARIABLE = "DING_ALMA_TRUST_IMPORTS"
"""Environment variable with further packages, separated by commas: processes of environments inherit it."""


def trust(packages: Iterable[str]) -> None:
    """From now on, in this process and those that it starts, let configurations in folders import these packages."""
    os.environ[VARIABLE] = ",".join(sorted({*_named(), *packages}))


def check_imports(config: Any, origin: Any) -> None:
    """Refuse what a configuration from a folder must not import.

    Args:
        config: nested mappings and sequences, as read from JSON.
        origin: the file, for the message.

    Raises:
        ValueError: it names a module of another package, or something that is no list of modules.
    """
    trusted = {*OWN, *_named()}
    for name in _import_names(config):
        if not isinstance(name, str):
            raise ValueError(f"{origin} is damaged: import_names must be a list of modules, got {name!r}")
        package = name.partition(".")[0]
        if package not in trusted and name not in sys.modules:
            raise ValueError(
                f"{origin} wants to import {name!r}, which would run its code: if you know package {package!r}, repeat "
                f"the command with --trust-imports {package} (or set {VARIABLE}={package}; in Python, import it before)"
            )


def trust_options(config: Any) -> str:
    """The options with which commands take up a folder of this configuration, each after a space; none for our own."""
    packages = {name.partition(".")[0] for name in _import_names(config) if isinstance(name, str)}
    return "".join(f" --trust-imports {package}" for package in sorted(packages - {*OWN}))


def _named() -> list[str]:
    return [package for package in os.environ.get(VARIABLE, "").split(",") if package]


def _import_names(config: Any) -> Iterator[Any]:
    if isinstance(config, Mapping):
        for key, value in config.items():
            if key == "import_names":
                yield from value if isinstance(value, list | tuple) else [[value]]
            else:
                yield from _import_names(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _import_names(value)
