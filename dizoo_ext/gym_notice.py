"""DI-engine is bound to a version of gym that advertises its successor at every import."""

import importlib


def keep_gym_from_printing() -> None:
    """Leave out that notice, about which nobody who uses DI-engine can do anything."""
    try:
        importlib.import_module("gym_notices.notices").notices.pop("0.25.1", None)
    except ImportError:
        return
