"""Importing this package registers its environment and its policy with DI-engine."""

from dikes import env, policy

__all__ = ["env", "policy"]
