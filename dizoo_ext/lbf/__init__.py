"""Level-Based Foraging, the environment of the package lbforaging (docs/neighbours.md)."""

from dizoo_ext.lbf.env import ForagingEnv

__all__ = ["ForagingEnv"]
