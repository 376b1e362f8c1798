"""Group Matching: agents on a ring must gather with their own group (docs/reference/group_matching.md#rules)."""

from dizoo_ext.group_matching.env import GroupMatchingEnv
from dizoo_ext.group_matching.vector import GroupMatchingVector

__all__ = ["GroupMatchingEnv", "GroupMatchingVector"]
