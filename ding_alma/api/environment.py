"""Environments from Python: ``ding_alma.make_env``."""

from dizoo_ext.gymnasium import make_env

__all__ = ["make_env"]
