"""Composite multi-agent environments for DI-engine, and for everybody else.

Importing this package alone costs nothing; `dizoo_ext.plugin` registers all environments with DI-engine, and is what
configs name in ``import_names``. `dizoo_ext.make_vec` steps batches of them without DI-engine.
"""

from typing import Any

from dizoo_ext.plain.lazy_names import lazy_names

__all__ = ["make_vec"]


def __getattr__(name: str) -> Any:
    return lazy_names(__name__, name, make_vec="plain.make_vec")
