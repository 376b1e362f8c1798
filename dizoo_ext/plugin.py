"""Importing this module registers all environments with DI-engine: name it in a config's ``import_names``."""

from dizoo_ext import env_manager
from dizoo_ext.group_matching.env import GroupMatchingEnv
from dizoo_ext.lbf.env import ForagingEnv
from dizoo_ext.lux.entity_env import LuxEntitiesEnv
from dizoo_ext.lux.env import LuxEnv
from dizoo_ext.rware.env import WarehouseEnv
from dizoo_ext.save_the_city.env import SaveTheCityEnv
from dizoo_ext.smac_multiarmy.env import SmacMultiArmyEnv

__all__ = [
    "ForagingEnv",
    "GroupMatchingEnv",
    "LuxEntitiesEnv",
    "LuxEnv",
    "SaveTheCityEnv",
    "SmacMultiArmyEnv",
    "WarehouseEnv",
    "env_manager",
]
