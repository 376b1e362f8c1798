"""Composite multi-agent environments for DI-engine; importing this package registers them."""

import dizoo_ext.kernel_cache  # noqa: F401
from dizoo_ext import env_manager, group_matching, lux, save_the_city, smac_multiarmy

__all__ = ["env_manager", "group_matching", "lux", "save_the_city", "smac_multiarmy"]
