"""How one change of a config is written."""

import ast
from typing import Any

from ding_alma.run.run_error import RunError


def change_pair(change: str) -> tuple[str, str]:
    """Key and value of ``dotted.key=value``. Raises a RunError if it is no such pair."""
    path, separator, text = change.partition("=")
    if not separator or not all(path.split(".")):
        raise RunError(f"expected dotted.key=value, such as policy.learn.batch_size=16, got {change!r}")
    return path, text


def literal(text: str) -> Any:
    """A Python literal such as ``{'a': 1}``, or the text itself where it is none."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
