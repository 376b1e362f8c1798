"""Group Matching: agents on a ring must gather with their own group (docs/reference/group_matching.md#rules)."""

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.group_matching.env import GroupMatchingEnv
from dizoo_ext.group_matching.vector import GroupMatchingVector

__all__ = ["GroupMatchingEnv", "GroupMatchingVector"]
