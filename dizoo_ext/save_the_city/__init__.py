"""SaveTheCity: teams of firefighters, builders and generalists save burning buildings (ALMA, section 5.1)."""

from typing import Any

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.plain.lazy_names import lazy_names

__all__ = ["SaveTheCityEnv", "SaveTheCityVector"]


def __getattr__(name: str) -> Any:
    return lazy_names(__name__, name, SaveTheCityEnv="env", SaveTheCityVector="vector")
