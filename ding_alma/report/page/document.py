"""The file itself: content, styles and scripts in one HTML document that may load nothing else."""

import base64
import hashlib
import html
import json
from pathlib import Path
from typing import Any

from ding_alma.atomic_file import replacing

HERE = Path(__file__).parent
SCRIPTS = ("elements.js", "scales.js", "chart.js", "film.js", "page.js")
"""In the order in which they run; together they are one script."""


def document(content: dict[str, Any]) -> str:
    """The HTML page of `content.page_content`.

    Names of runs and methods are data of strangers: they are only ever text. A browser runs no other script than ours
    and opens no address, because the page's policy says so.

    Raises:
        ValueError: the content holds NaN or an infinity.
    """
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    style = (HERE / "page.css").read_text(encoding="utf-8")
    parts = {
        "title": html.escape(content["title"]),
        "policy": f"default-src 'none'; img-src data:; script-src {_source(script)}; style-src {_source(style)}",
        "style": style,
        "content": _json_for_html(content),
        "script": script,
    }
    page = (HERE / "page.html").read_text(encoding="utf-8")
    # One pass: what is put in is never looked through for further marks.
    first, *others = page.split("{{")
    pieces = [first]
    for piece in others:
        mark, _, rest = piece.partition("}}")
        pieces += [parts[mark], rest]
    return "".join(pieces)


def write_document(content: dict[str, Any], path: Path) -> None:
    """Write the page in the place of ``path``."""
    text = document(content)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _source(text: str) -> str:
    """What the page's policy allows ``text`` by."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json_for_html(content: dict[str, Any]) -> str:
    """JSON in which nothing can end a script element or begin a comment."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
