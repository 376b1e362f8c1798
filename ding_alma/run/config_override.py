"""Changes of a config from the command line: ``policy.learn.batch_size=16``."""

import copy
import difflib
from collections.abc import Mapping
from typing import Any

from easydict import EasyDict

from ding_alma.policy.config_check import READ_BY_DING
from ding_alma.run.change_pair import change_pair, literal
from ding_alma.run.config_shape import check_shape
from ding_alma.run.ding_keys import ABSENT, leaves, value_at, why_unread
from ding_alma.run.run_error import RunError
from ding_alma.setting.compose import consequences

CHOICES = {
    "env.type": "env",
    "env.manager.type": "env_manager",
    "policy.type": "policy",
    "policy.collect.collector.type": "collector",
    "policy.other.replay_buffer.type": "replay_buffer",
}
"""Keys of the merged config that DI-engine takes from a block of ``create_config``."""
READ_ELSEWHERE = {
    "seed": "--seeds",
    "policy.eval.evaluator.stop_value": "env.stop_value",
    "policy.eval.evaluator.n_episode": "env.n_evaluator_episode",
}
"""Keys of the merged config that DI-engine overwrites, and what sets them."""
TRUTH = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}


def override(main: EasyDict, create: EasyDict, changes: list[str]) -> tuple[EasyDict, EasyDict]:
    """Change a config as DI-engine reads it from a file.

    Args:
        main, create: the two parts of the config; they stay as they are.
        changes: ``dotted.key=value`` each, the key as in the merged config. A value takes the type of the key's default
            or of what the file says; where both leave it open, it is a Python literal or else a string. Sizes and
            counts that followed from the environment follow it, unless a change names them.

    Returns:
        the changed main and create parts.

    Raises:
        RunError: no ``=``, an unknown key, environment or policy (the nearest names are given), a key that only other
            policies read, a package that cannot be imported, or a value of a wrong type.
    """
    given_main, given_create = main, create
    main, create = copy.deepcopy(main), copy.deepcopy(create)
    pairs = [change_pair(change) for change in changes]
    # What a choice is decides what its defaults are: choices first.
    for path, text in pairs:
        if path in CHOICES:
            _choose(create, CHOICES[path], text)
    defaults = _checked_shape(main, create)
    for path, text in pairs:
        if path not in CHOICES:
            _refuse_unread(path, literal(text), defaults, main, create.policy.type)
            change_value(main, path, text, defaults)
    if any(value_at(defaults, path) is ABSENT or isinstance(value_at(defaults, path), Mapping) for path, _ in pairs):
        # Whole blocks may have been replaced.
        _checked_shape(main, create)
    if any(path.startswith("env.") for path, _ in pairs):
        _follow_environment((given_main, given_create), (main, create), {path for path, _ in pairs})
    return main, create


def _checked_shape(main: EasyDict, create: EasyDict) -> EasyDict:
    try:
        return check_shape(main, create)
    except (ValueError, TypeError) as error:
        raise RunError(str(error)) from error


def change_value(main: EasyDict, path: str, text: str, defaults: EasyDict) -> None:
    """Set one key of ``main`` to what ``text`` says, read as the type of its default or of its present value.

    Raises:
        RunError: the key is neither among the defaults nor in ``main`` nor in an open block, or the type is another.
    """
    _set(main, path, _value(path, text, value_at(defaults, path), value_at(main, path), defaults, main))


def parse_value(text: str, default: Any, path: str) -> Any:
    """Read ``text`` as a value of the default's type; integers may be written as ``4e5``. None admits anything.

    Raises:
        ValueError: it is of another type.
    """
    if isinstance(default, str):
        return text
    value: Any
    if isinstance(default, bool):
        value = TRUTH.get(text.lower())
    elif isinstance(default, int):
        value = _integer(text)
    elif isinstance(default, float):
        value = _number(text)
    else:
        value = literal(text)
        if default is None:
            return value
        kind = Mapping if isinstance(default, Mapping) else list | tuple
        value = value if isinstance(value, kind) else None
    if value is None:
        name = "dict" if isinstance(default, Mapping) else type(default).__name__
        raise ValueError(f"{path} must be of type {name}, such as {default!r}, got {text!r}")
    return value


def _refuse_unread(path: str, value: Any, defaults: EasyDict, main: EasyDict, policy: str) -> None:
    """Raise a RunError for a key, or for one in a block that is given as a whole, that only other policies read."""
    for each in [path, *(leaves(value, f"{path}.") if isinstance(value, Mapping) else ())]:
        if reason := why_unread(each, defaults, policy):
            others = [name for name in _effective_keys(defaults, main) if _end(name) == _end(each)]
            hint = f"; did you mean {' or '.join(others[:3])}?" if others else ""
            raise RunError(f"{each} has no effect under policy.type = {policy}; {reason}{hint}")


def _choose(create: EasyDict, block: str, name: str) -> None:
    if isinstance(create, dict) and isinstance(create.setdefault(block, EasyDict()), EasyDict):
        create[block].type = name


def _value(path: str, text: str, default: Any, given: Any, defaults: EasyDict, main: EasyDict) -> Any:
    if path in READ_ELSEWHERE:
        raise RunError(f"{path} has no effect; set {READ_ELSEWHERE[path]} instead")
    if default is ABSENT and given is ABSENT:
        if not _is_open(path, defaults):
            raise RunError(f"unknown config key {path}; {_hint(path, defaults, main)}")
        return literal(text)
    try:
        return parse_value(text, given if default is ABSENT else default, path)
    except ValueError as error:
        if default is ABSENT or given is ABSENT or type(given) is type(default):
            raise RunError(str(error)) from None
    try:
        return parse_value(text, given, path)
    except ValueError as error:
        raise RunError(str(error)) from None


def _hint(path: str, defaults: EasyDict, main: EasyDict) -> str:
    """What may have been meant by an unknown key: at most three that would have an effect, or what its block has."""
    known = _effective_keys(defaults, main)
    ends = dict.fromkeys(_end(name) for name in known)
    near = [
        name for end in difflib.get_close_matches(_end(path), ends, cutoff=0.8) for name in known if _end(name) == end
    ]
    near += difflib.get_close_matches(path, known, cutoff=0.8)
    if near:
        return f"did you mean {' or '.join(list(dict.fromkeys(near))[:3])}?"
    block = path.rpartition(".")[0]
    while block and not any(name.startswith(f"{block}.") for name in known):
        block = block.rpartition(".")[0]
    if not block:
        return f"top-level keys are {', '.join(main)}"
    inside = [name.removeprefix(f"{block}.") for name in known if name.startswith(f"{block}.")]
    return f"{block} has {', '.join(dict.fromkeys(name.partition('.')[0] for name in inside))}"


def _effective_keys(defaults: EasyDict, main: EasyDict) -> list[str]:
    """Keys of the merged config that a change of theirs would mean something to."""
    policy = value_at(defaults, "policy.type")
    return [
        name
        for name in dict.fromkeys([*leaves(defaults), *leaves(main)])
        if name not in READ_ELSEWHERE and not name.endswith("cfg_type") and not why_unread(name, defaults, policy)
    ]


def _end(path: str) -> str:
    return path.rpartition(".")[2]


def _follow_environment(given: tuple[EasyDict, EasyDict], changed: tuple[EasyDict, EasyDict], named: set[str]) -> None:
    """Write sizes and counts into the changed main part, where the given one has those of its environment."""
    try:
        before, after = (consequences(main.env, create.env) for main, create in (given, changed))
    except (ValueError, TypeError, AttributeError, OSError, ImportError):
        # An environment that refuses its block says so when it is built; others have sizes of their own.
        return
    for path in leaves(after):
        size = value_at(after, path)
        if path not in named and value_at(given[0], path) == value_at(before, path):
            _set(changed[0], path, size)


def _is_open(path: str, defaults: EasyDict) -> bool:
    """Whether DI-engine or its plugins read a key that no default shows; who reads it checks it."""
    block, _, key = path.rpartition(".")
    if key in READ_BY_DING.get(block, ()) or block.endswith(".ext_args") or key == "ext_args":
        return True
    # Options such as env.game_config, whose default is an empty block; a model's sizes all stand in the file.
    while block and block != "policy.model":
        if value_at(defaults, block) == {}:
            return True
        block = block.rpartition(".")[0]
    return path == "exp_name"


def _set(main: EasyDict, path: str, value: Any) -> None:
    *blocks, key = path.split(".")
    node = main
    for name in blocks:
        node = node.setdefault(name, EasyDict())
    node[key] = value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        number = _number(text)
    return int(number) if number is not None and number.is_integer() else None
