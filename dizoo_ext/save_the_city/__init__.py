"""SaveTheCity: teams of firefighters, builders and generalists save burning buildings (ALMA, section 5.1)."""

import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
from dizoo_ext.save_the_city.env import SaveTheCityEnv
from dizoo_ext.save_the_city.vector import SaveTheCityVector

__all__ = ["SaveTheCityEnv", "SaveTheCityVector"]
