"""Kernels are compiled when they are first called, which takes a while once per installation: whoever waits is told."""

import sys
from collections.abc import Callable
from typing import Any

import numba.core.event

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)

TEXT = "compiling kernels, once after an installation or an update, which takes up to a minute ..."


class _Notice(numba.core.event.Listener):
    """Says so when the first kernel is compiled; those found in the cache are none."""

    def __init__(self) -> None:
        self.say: Callable[[str], None] | None = None
        self._is_told = False

    def on_start(self, event: Any) -> None:
        if self.say is not None and not self._is_told:
            self._is_told = True
            self.say(TEXT)

    def on_end(self, event: Any) -> None:
        """The next one belongs to the same wait."""


_notice = _Notice()
numba.core.event.register("numba:compile", _notice)


def tell_of_compilation(say: Callable[[str], None]) -> None:
    """From now on call ``say`` with `TEXT` when this process begins to compile, once; it replaces the one before."""
    _notice.say = say


def announce_compilation() -> None:
    """The same on standard error, for programs of other people, unless somebody else says it."""
    if _notice.say is None:
        tell_of_compilation(lambda text: print(text, file=sys.stderr, flush=True))
