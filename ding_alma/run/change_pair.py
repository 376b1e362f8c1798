"""How one change of a config is written."""

from ding_alma.run.run_error import RunError


def change_pair(change: str) -> tuple[str, str]:
    """Key and value of ``dotted.key=value``. Raises a RunError if it is no such pair."""
    path, separator, text = change.partition("=")
    if not separator or not all(path.split(".")):
        raise RunError(f"expected dotted.key=value, such as policy.learn.batch_size=16, got {change!r}")
    return path, text
