"""Multi-army StarCraft: agents in the middle of the map, armies around it (ALMA, section 5.1)."""

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.smac_multiarmy.env import SmacMultiArmyEnv
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector

__all__ = ["SmacMultiArmyEnv", "SmacMultiArmyVector"]
