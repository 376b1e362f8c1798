"""JSON files that notice damage: their last key is a checksum of everything before it.

It is one of the values and not of the text, so a file stays the same whatever indents it, and people can read it.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CHECKSUM = "checksum"


def with_checksum(data: Mapping[str, Any]) -> dict[str, Any]:
    """``data``, which JSON can hold, and its checksum."""
    content = {key: value for key, value in data.items() if key != CHECKSUM}
    return {**content, CHECKSUM: _checksum(content)}


def read_checked_json(path: str | Path) -> dict[str, Any]:
    """The content of a file without its checksum. A file that has none, as one written by hand, passes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not JSON, no object, or not what its checksum is of.
    """
    content = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"must be an object, got {type(content).__name__}")
    found = content.pop(CHECKSUM, None)
    if found is not None and found != _checksum(content):
        raise ValueError(f"it does not match its checksum; if you have edited it, delete its key {CHECKSUM!r}")
    return content


def _checksum(content: Mapping[str, Any]) -> str:
    # As it will be read: JSON has strings for keys and lists for tuples.
    text = json.dumps(json.loads(json.dumps(content)), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
