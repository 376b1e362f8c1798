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

from ding_alma.run.change_pair import change_pair, literal
from ding_alma.run.checked_config import checked_config
from ding_alma.run.config_override import override
from ding_alma.run.config_shape import default_config
from ding_alma.run.ding_keys import ABSENT, leaves, value_at, why_unread
from ding_alma.run.run_config import read_config_file
from ding_alma.run.run_error import RunError
from ding_alma.setting import blocks, compose
from ding_alma.setting.meanings import UNKNOWN, Entry, blocks_of, class_defaults, config_entries
from ding_alma.setting.shipped import config_folder, find_config

COMMAND_LINE = "command line"
COMPUTED = "computed or set elsewhere"


@dataclass(frozen=True)
class Value:
    """One key of a merged config."""

    path: str
    value: Any
    meaning: str
    """Empty where its author has written none."""
    origin: str
    """``file:line``, `COMMAND_LINE`, or `COMPUTED`: by DI-engine, from other values, or where no block says so."""
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
    given = dict(change_pair(change) for change in changes)
    settings, defaults = _by_path(config_entries(find_config(config))), _by_path(_default_entries(create))
    # What a key means is known, too, where a config sets it without any of our settings.
    elsewhere = _by_path(entry for module in (blocks, compose) for entry in blocks_of(Path(inspect.getfile(module))))
    all_defaults = default_config(create)
    values = []
    for path in leaves(merged):
        value = value_at(merged, path)
        if path.endswith("cfg_type"):
            continue
        is_given, is_replaced = _on_command_line(path, given)
        fitting, meaning = _explained(
            value, [] if is_replaced else settings.get(path, []), defaults.get(path, []), elsewhere.get(path, [])
        )
        origin = COMMAND_LINE if is_given else _place(fitting)
        values.append(Value(path, value, meaning, origin, not why_unread(path, all_defaults, create.policy.type)))
    return values


def _on_command_line(path: str, given: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether a change names a key, alone or in a block given as a whole, and whether one replaces a block it is in."""
    names = path.split(".")
    blocks = [".".join(names[:end]) for end in range(1, len(names)) if ".".join(names[:end]) in given]
    is_in_block = any(
        value_at({"block": literal(given[block])}, f"block{path.removeprefix(block)}") is not ABSENT for block in blocks
    )
    return path in given or is_in_block, bool(blocks)


def _by_path(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.path, []).append(entry)
    return found


def _explained(
    value: Any, settings: list[Entry], defaults: list[Entry], elsewhere: list[Entry]
) -> tuple[Entry | None, str]:
    """The entry that a value comes from, None if there is no such, and the meaning of its key.

    Args:
        settings: entries of the key in what the config consists of, the topmost first.
        defaults: in the classes that read it.
        elsewhere: in other settings.
    """
    fitting = [each for each in [*settings, *defaults] if each.value is UNKNOWN or _same(each.value, value)]
    meanings = [each.meaning for each in [*fitting, *settings, *defaults, *elsewhere] if each.meaning]
    # A setting often has only the beginning of what the policy says of its key.
    fuller = [each.meaning for each in defaults if meanings and each.meaning.startswith(meanings[0].rstrip("."))]
    return next(iter(fitting), None), max([*meanings[:1], *fuller], key=len, default="")


def _place(entry: Entry | None) -> str:
    return COMPUTED if entry is None else f"{_short(entry.file)}:{entry.line}"


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


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or (isinstance(one, tuple) and list(one) == other)


def _short(file: Path) -> str:
    """The file from its package on, or from the folder of the configs, as it stands in the clone."""
    if file.resolve().is_relative_to(config_folder()):
        return file.resolve().relative_to(config_folder().parent).as_posix()
    for parent in file.parents:
        if not (parent / "__init__.py").is_file():
            return file.relative_to(parent).as_posix()
    return str(file)
