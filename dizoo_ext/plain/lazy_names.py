"""Names of a package that are imported when somebody asks for them, so that the package itself costs nothing."""

from importlib import import_module
from typing import Any


def lazy_names(package: str, name: str, **homes: str) -> Any:
    """What a package's ``__getattr__`` returns.

    Args:
        package: the package's ``__name__``.
        name: the attribute that is asked for.
        homes: name -> module inside the package.

    Raises:
        AttributeError: the package has no such name.
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(import_module(f"{package}.{homes[name]}"), name)
