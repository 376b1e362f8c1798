"""The multi-robot warehouse, the environment of the package rware (docs/neighbours.md)."""

from dizoo_ext.rware.env import WarehouseEnv

__all__ = ["WarehouseEnv"]
