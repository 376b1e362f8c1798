"""Environments from Python: ``ding_alma.make_env``."""

import dizoo_ext.plugin  # noqa: F401  (registers the environments)
from dizoo_ext.gymnasium import make_env

__all__ = ["make_env"]
