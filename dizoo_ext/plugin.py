"""Importing this module registers all environments with DI-engine: name it in a config's ``import_names``."""

from dizoo_ext import env_manager, group_matching, lbf, lux, rware, save_the_city, smac_multiarmy

__all__ = ["env_manager", "group_matching", "lbf", "lux", "rware", "save_the_city", "smac_multiarmy"]
