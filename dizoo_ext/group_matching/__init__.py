"""Group Matching: agents on a ring must gather with their own group (docs/reference/group_matching.md#rules)."""

from typing import Any

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.plain.lazy_names import lazy_names

__all__ = ["GroupMatchingEnv", "GroupMatchingVector"]


def __getattr__(name: str) -> Any:
    return lazy_names(__name__, name, GroupMatchingEnv="env", GroupMatchingVector="vector")
