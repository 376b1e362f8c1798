"""Every value that a run of a config would have, with its meaning and where it comes from."""

import ast
import importlib.util
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ding.envs import get_env_cls, get_env_manager_cls
from ding.policy import get_policy_cls
from ding.worker import BaseLearner, BaseSerialCommander, InteractionSerialEvaluator, get_buffer_cls
from ding.worker.collector.base_serial_collector import get_serial_collector_cls
from easydict import EasyDict

from ding_alma.run.checked_config import checked_config
from ding_alma.run.config_override import override
from ding_alma.run.run_config import read_config_file
from ding_alma.run.run_error import RunError
from ding_alma.setting import blocks, compose
from ding_alma.setting.meanings import UNKNOWN, Entry, blocks_of, class_defaults
from ding_alma.setting.shipped import find_config

COMMAND_LINE = "command line"
COMPUTED = "computed"


@dataclass(frozen=True)
class Value:
    """One key of a merged config."""

    path: str
    value: Any
    meaning: str
    """Empty where its author has written none."""
    origin: str
    """``file:line``, `COMMAND_LINE`, or `COMPUTED` by DI-engine or from other values."""


def list_config(config: str | Path, changes: list[str]) -> list[Value]:
    """All keys of the merged config in their order.

    Args:
        config: a file or the name of a shipped config.
        changes: see `config_override.override`.

    Raises:
        RunError: the config or a change is wrong.
    """
    main, create = override(*read_config_file(config), changes)
    try:
        merged = checked_config(main, create)
    except (ValueError, TypeError) as error:
        raise RunError(f"{config}: {error}") from error
    given = {change.partition("=")[0] for change in changes}
    sources = [*_file_entries(find_config(config)), *_default_entries(create)]
    by_path: dict[str, list[Entry]] = {}
    for entry in sources:
        by_path.setdefault(entry.path, []).append(entry)
    return [
        _explained(path, value, by_path.get(path, []), path in given)
        for path, value in _leaves(merged)
        if not path.endswith("cfg_type")
    ]


def _explained(path: str, value: Any, entries: list[Entry], is_given: bool) -> Value:
    fitting = [entry for entry in entries if entry.value is UNKNOWN or _same(entry.value, value)]
    meaning = next((entry.meaning for entry in [*fitting, *entries] if entry.meaning), "")
    if is_given:
        return Value(path, value, meaning, COMMAND_LINE)
    return Value(path, value, meaning, f"{_short(fitting[0].file)}:{fitting[0].line}" if fitting else COMPUTED)


def _file_entries(config: Path) -> Iterator[Entry]:
    """What the config, the settings that it imports, those that they import from beside them and the common blocks of
    all say, in this order."""
    yield from blocks_of(config)
    files: list[Path] = []
    for name, setting in _imported(config):
        package = name.rpartition(".")[0]
        files += [setting, *(file for _, file in _imported(setting, package))]
    files += [Path(inspect.getfile(module)) for module in (blocks, compose)]
    for file in dict.fromkeys(files):
        # The last block of a setting is the one on top.
        yield from reversed(blocks_of(file))


def _imported(file: Path, package: str | None = None) -> Iterator[tuple[str, Path]]:
    """Names and files of the modules that a file imports from; with a package, only of those directly in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.module or node.level:
            continue
        if package is None or node.module.rpartition(".")[0] == package != "":
            spec = importlib.util.find_spec(node.module)
            if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
                yield node.module, Path(spec.origin)


def _default_entries(create: EasyDict) -> Iterator[Entry]:
    """The defaults of every class that takes part, a subclass before its parents."""
    for prefix, cls in {
        "env": get_env_cls(create.env),
        "env.manager": get_env_manager_cls(create.env_manager),
        "policy": get_policy_cls(create.policy),
        "policy.learn.learner": BaseLearner,
        "policy.collect.collector": get_serial_collector_cls(create.collector),
        "policy.eval.evaluator": InteractionSerialEvaluator,
        "policy.other.replay_buffer": get_buffer_cls(create.replay_buffer),
        "policy.other.commander": BaseSerialCommander,
    }.items():
        for base in cls.__mro__:
            if "config" in vars(base):
                for entry in class_defaults(Path(inspect.getfile(base)), base.__name__):
                    yield Entry(f"{prefix}.{entry.path}", entry.value, entry.meaning, entry.file, entry.line)


def _leaves(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (isinstance(one, tuple) and list(one) == other)


def _short(file: Path) -> str:
    """The file from its package on, as it stands in the clone."""
    for parent in file.parents:
        if not (parent / "__init__.py").is_file() and parent.name != "configs":
            return file.relative_to(parent).as_posix()
    return str(file)
