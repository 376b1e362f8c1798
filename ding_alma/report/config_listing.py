"""Every value that a run of a config would have, with its meaning and where it comes from."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
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
from ding_alma.run.config_shape import default_config
from ding_alma.run.ding_keys import why_unread
from ding_alma.run.run_config import read_config_file
from ding_alma.run.run_error import RunError
from ding_alma.setting import blocks, compose
from ding_alma.setting.meanings import UNKNOWN, Entry, blocks_of, class_defaults, config_entries
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
    has_effect: bool
    """Not if only policies of other types read the key; the config has it so that a swap changes the type alone."""


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
    sources = _by_path([*config_entries(find_config(config)), *_default_entries(create)])
    # What a key means is known, too, where a config sets it without any of our settings.
    meanings = _by_path(entry for module in (blocks, compose) for entry in blocks_of(Path(inspect.getfile(module))))
    defaults = default_config(create)
    return [
        Value(
            path,
            value,
            *_explained(value, sources.get(path, []), meanings.get(path, []), path in given),
            has_effect=not why_unread(path, defaults, create.policy.type),
        )
        for path, value in _leaves(merged)
        if not path.endswith("cfg_type")
    ]


def _by_path(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.path, []).append(entry)
    return found


def _explained(value: Any, entries: list[Entry], others: list[Entry], is_given: bool) -> tuple[str, str]:
    """Meaning and origin of a value.

    Args:
        entries: of its key, in what the config consists of.
        others: of its key, elsewhere.
        is_given: on the command line.
    """
    fitting = [entry for entry in entries if entry.value is UNKNOWN or _same(entry.value, value)]
    meanings = [entry.meaning for entry in [*fitting, *entries, *others] if entry.meaning]
    # A setting often has only the beginning of what the policy says of its key.
    meaning = max((each for each in meanings if each.startswith(meanings[0].rstrip("."))), key=len, default="")
    if is_given:
        return meaning, COMMAND_LINE
    return meaning, f"{_short(fitting[0].file)}:{fitting[0].line}" if fitting else COMPUTED


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
