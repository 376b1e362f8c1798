"""What the keys of configs mean, from where they are written: the comments ``# (type) text`` above the keys."""

import ast
import importlib.util
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

UNKNOWN = object()
"""A value that is computed when the program runs."""


@dataclass(frozen=True)
class Entry:
    """A key of a config as a source file has it."""

    path: str
    """Dotted, from the outermost block of the expression."""
    value: Any
    """`UNKNOWN` where it is no literal; a block is an empty dict."""
    meaning: str
    """The comment above or behind it, empty if there is none."""
    file: Path
    line: int


def blocks_of(file: Path) -> list[Entry]:
    """The entries of all blocks in a file, by the names of the blocks ``env`` and ``policy`` where they begin so.

    Assignments such as ``main_config.policy.learn.batch_size = 16`` count as entries, too.
    """
    return list(_blocks_in(file, _parsed(file)))


def config_entries(config: Path) -> list[Entry]:
    """The entries of all blocks that a config file consists of, the topmost first.

    These are the file's own (see `blocks_of`), over those of the settings that it calls: blocks that a setting names, a
    later one over an earlier one, and below them what it calls itself, as far as that stands beside it.
    """
    found = list(reversed(blocks_of(config)))
    seen: set[tuple[Path, str]] = set()
    imports = _imported(config)
    for name in _names(_parsed(config)):
        if name in imports:
            found += _setting_entries(*imports[name], seen)
    return found


def _setting_entries(module: str, file: Path, name: str, seen: set[tuple[Path, str]]) -> Iterator[Entry]:
    """The entries of what a module calls ``name``: a block, or those that a function makes a config of."""
    if (file, name) in seen:
        return
    seen.add((file, name))
    for statement in _parsed(file).body:
        if _target(statement) == name:
            yield from reversed([*_entries(file, statement.value, "")])  # type: ignore[attr-defined]  # an assignment
        elif isinstance(statement, ast.FunctionDef) and statement.name == name:
            yield from reversed([*_blocks_in(file, statement)])
            packages = {module.rpartition(".")[0], __package__}
            beside = {
                local: source for local, source in _imported(file).items() if source[0].rpartition(".")[0] in packages
            }
            sources = [beside.get(local, (module, file, local)) for local in _names(statement)]
            constants = [source for source in reversed(sources) if source[2].isupper()]
            functions = [source for source in sources if not source[2].isupper()]
            for source in constants + functions:
                yield from _setting_entries(*source, seen)


def class_defaults(file: Path, name: str) -> list[Entry]:
    """The entries of the attribute ``config`` of a class."""
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for statement in node.body:
                target = _target(statement)
                if target == "config":
                    return list(_entries(file, statement.value, ""))  # type: ignore[attr-defined]  # it is an assignment
    return []


def _blocks_in(file: Path, root: ast.AST) -> Iterator[Entry]:
    for node in ast.walk(root):
        if isinstance(node, ast.Assign):
            name = ast.unparse(node.targets[0])
            if name.startswith("main_config."):
                meaning = _meaning(file, node.lineno, node.end_lineno or node.lineno)
                yield Entry(name.removeprefix("main_config."), _literal(node.value), meaning, file, node.lineno)
        elif isinstance(node, ast.Call):
            keys = {keyword.arg for keyword in node.keywords}
            if keys & {"env", "policy"} and isinstance(node.func, ast.Name) and node.func.id == "dict":
                yield from _entries(file, node, "")


def _names(root: ast.AST) -> list[str]:
    """The names that stand below a node, ``module.name`` too, in the order of their first place."""
    found = [node for node in ast.walk(root) if isinstance(node, ast.Name | ast.Attribute)]
    return list(
        dict.fromkeys(ast.unparse(node) for node in sorted(found, key=lambda node: (node.lineno, node.col_offset)))
    )


@cache
def _imported(file: Path) -> dict[str, tuple[str, Path, str]]:
    """Name in a file, or ``module.name``, -> module, file and name there of what it imports from Python's sources."""
    found: dict[str, tuple[str, Path, str]] = {}
    for node in _parsed(file).body:
        modules: dict[str, str] = {}
        if isinstance(node, ast.Import):
            modules = {each.asname or each.name: each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if source := _source(node.module):
                found |= {each.asname or each.name: (node.module, source, each.name) for each in node.names}
            modules = {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
        for local, module in modules.items():
            if source := _source(module):
                defined = [_target(each) or getattr(each, "name", None) for each in _parsed(source).body]
                found |= {f"{local}.{name}": (module, source, name) for name in defined if name}
    return found


def _source(module: str) -> Path | None:
    """The file of a module that is written in Python, without its import; None if there is no such."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        # Its parent is no package: this is the name of something else.
        return None
    origin = None if spec is None else spec.origin
    return Path(origin) if origin is not None and origin.endswith(".py") else None


def _target(statement: ast.stmt) -> str | None:
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) else None


def _entries(file: Path, node: ast.AST | None, prefix: str) -> Iterator[Entry]:
    if isinstance(node, ast.BinOp):
        # Blocks joined by |, the right one on top.
        yield from _entries(file, node.right, prefix)
        yield from _entries(file, node.left, prefix)
        return
    if isinstance(node, ast.Name):
        for statement in _parsed(file).body:
            if _target(statement) == node.id:
                yield from _entries(file, statement.value, prefix)  # type: ignore[attr-defined]  # it is an assignment
        return
    if isinstance(node, ast.Call):
        pairs: list[tuple[Any, ast.expr, int]] = [(each.arg, each.value, each.lineno) for each in node.keywords]
    elif isinstance(node, ast.Dict):
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        pairs = [(key, value, value.lineno) for key, value in zip(keys, node.values, strict=True)]
    else:
        return
    for key, value, line in pairs:
        if not isinstance(key, str):
            continue
        is_block = isinstance(value, ast.Dict) or (
            isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "dict"
        )
        own = {} if is_block else _literal(value)
        yield Entry(f"{prefix}{key}", own, _meaning(file, line, value.end_lineno or line), file, line)
        if is_block:
            yield from _entries(file, value, f"{prefix}{key}.")


def _literal(node: ast.AST) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return UNKNOWN


def _meaning(file: Path, first: int, last: int) -> str:
    """The comment in the lines above ``first``, else the one behind the key's only line."""
    whole, behind = _comments(file)
    lines: list[str] = []
    while first - 1 - len(lines) in whole:
        lines.insert(0, whole[first - 1 - len(lines)])
    while any(line.startswith("(") for line in lines) and not lines[0].startswith("("):
        # What comes before the type is about something else.
        lines.pop(0)
    if not lines and first == last and first in behind:
        lines = [behind[first]]
    return " ".join(lines)


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def _comments(file: Path) -> tuple[dict[int, str], dict[int, str]]:
    """Line -> comment, of lines that are nothing else and of those behind something."""
    whole: dict[int, str] = {}
    behind: dict[int, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            place = whole if token.line.strip().startswith("#") else behind
            place[token.start[0]] = token.string.lstrip("#").strip()
    return whole, behind
