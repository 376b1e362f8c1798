"""What a config may name is known to DI-engine when a command or a setting needs it, and not before."""

from importlib import import_module

PLUGINS = ("ding_alma.plugin", "dizoo_ext.plugin")
"""Modules whose import registers policies, environments and everything else, and takes seconds."""


def register_all() -> None:
    """Import the `PLUGINS`, by their names as DI-engine does; nothing if they have been."""
    for name in PLUGINS:
        import_module(name)
