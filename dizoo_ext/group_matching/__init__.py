"""Group Matching: agents on a ring must gather with their own group (REFIL, section 4.1)."""

from dizoo_ext.group_matching.env import GroupMatchingEnv
from dizoo_ext.group_matching.vector import GroupMatchingVector

__all__ = ["GroupMatchingEnv", "GroupMatchingVector"]
