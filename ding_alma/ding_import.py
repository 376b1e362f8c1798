"""DI-engine is imported here first: without what only one of its reward models needs, and without others' warnings.

Does nothing where DI-engine has been imported before.
"""

import importlib
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import dizoo_ext  # noqa: F401  (keeps gym from printing)

SVC_PLACE = "ding.reward_model.pdeil_irl_model.SVC"
"""What stands there is imported when it is used; see `deferred_svc`."""
NOISY = re.compile(r"[/\\](?:site|dist)-packages[/\\](?:treevalue|treetensor|ding|ditk|gym)[/\\]")
"""Files whose warnings at their import (deprecations of Python and torch) say nothing to a user of this package."""
LOGGED_WARNINGS = ("Please install pyecharts first", "not found transformer")
"""What DI-engine logs about optional packages that nothing here uses."""

GYMS_FILTER = ("once", None, DeprecationWarning, None)
"""Of Python's warnings: gym lets deprecations in anybody's code be shown, once each."""


def deferred_svc(*args: Any, **options: Any) -> Any:
    """Scikit-learn's classifier, imported now: DI-engine needs it for one reward model, and it needs pandas and SciPy's
    statistics, a third of the time that all imports take."""
    return importlib.import_module("sklearn.svm").SVC(*args, **options)


@contextmanager
def _without_sklearn() -> Iterator[None]:
    """While DI-engine is imported, its ``from sklearn.svm import SVC`` finds `deferred_svc`."""
    if "sklearn.svm" in sys.modules:
        yield
        return
    stand_in = ModuleType("sklearn.svm")
    stand_in.SVC = deferred_svc  # type: ignore[attr-defined]
    sys.modules["sklearn.svm"] = stand_in
    try:
        yield
    finally:
        del sys.modules["sklearn.svm"]


@contextmanager
def _without_others_warnings() -> Iterator[None]:
    """Leave out what other packages say when they are imported, named above; all else is shown as ever."""
    filters = list(warnings.filters)
    # Not by filters: gym puts one for all deprecations before every other.
    show = warnings.showwarning

    def show_news(message: Any, category: Any, filename: str, *more: Any, **options: Any) -> None:
        if not NOISY.search(filename):
            show(message, category, filename, *more, **options)

    warnings.showwarning = show_news
    logging.getLogger().addFilter(_is_news)
    try:
        yield
    finally:
        logging.getLogger().removeFilter(_is_news)
        if warnings.showwarning is show_news:
            warnings.showwarning = show
        # Python's own filters say who sees deprecations, as they did before gym.
        for each in warnings.filters:
            if each[:4] == GYMS_FILTER and each not in filters:
                warnings.filters.remove(each)  # type: ignore[attr-defined]  # it is a list
                break


def _is_news(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(LOGGED_WARNINGS)


def import_ding() -> None:
    """Import the part of DI-engine that all commands use."""
    if "ding.config" in sys.modules:
        return
    with _without_others_warnings(), _without_sklearn():
        importlib.import_module("ding.config")


import_ding()
