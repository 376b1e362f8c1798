"""Refuse configuration mistakes at the start, naming the nearest valid key."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any


def check_block(
    block: Mapping[str, Any],
    defaults: Mapping[str, Any],
    path: str,
    also_known: Collection[str] = (),
) -> None:
    """Compare a block of configuration with its defaults, recursively.

    A key must be one of ``defaults`` or ``also_known`` (keys that DI-engine adds and reads itself). A value must have
    the type of its default: integers pass for floats, ``None`` as default admits anything.

    Args:
        path: the block's place in the whole config, e.g. ``policy.allocation``, empty for the whole; used in messages
            only.

    Raises:
        ValueError: an unknown key, with the nearest valid name.
        TypeError: a value of another type than its default's.
    """
    prefix = f"{path}." if path else ""
    for key, value in block.items():
        if key in also_known and key not in defaults:
            continue
        if key not in defaults:
            valid = sorted({*defaults, *also_known})
            near = difflib.get_close_matches(str(key), valid, n=1, cutoff=0.5)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"valid keys: {', '.join(sorted(defaults))}"
            raise ValueError(f"unknown config key {prefix}{key}; {hint}")
        default = defaults[key]
        if isinstance(default, Mapping):
            if not isinstance(value, Mapping):
                raise TypeError(f"{prefix}{key} must be a block of keys {sorted(default)}, got {value!r}")
            if default:
                check_block(value, default, f"{prefix}{key}")
        elif not fits(value, default):
            raise TypeError(
                f"{prefix}{key} must be of type {type(default).__name__} (default {default!r}), "
                f"got {value!r} of type {type(value).__name__}"
            )


def check_choice(value: Any, choices: Collection[Any], path: str) -> None:
    """Raise a ValueError naming the nearest choice unless ``value`` is one of ``choices``."""
    if value in choices:
        return
    near = difflib.get_close_matches(str(value), [str(choice) for choice in choices], n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{path} must be one of {sorted(map(str, choices))}, got {value!r}{hint}")


def check_range(value: float, path: str, minimum: float | None = None, maximum: float | None = None) -> None:
    """Raise a ValueError unless ``minimum <= value <= maximum`` (a bound of None is open)."""
    # Written so that NaN, which compares false with everything, is refused.
    if not ((minimum is None or value >= minimum) and (maximum is None or value <= maximum)):
        low = "-inf" if minimum is None else minimum
        high = "inf" if maximum is None else maximum
        raise ValueError(f"{path} must lie in [{low}, {high}], got {value!r}")


def fits(value: Any, default: Any) -> bool:
    """Whether a value has the type of a default: a float's may be an int, and None's is anything."""
    if default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple)
    return isinstance(value, type(default))
