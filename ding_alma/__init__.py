"""Hierarchical policies for composite multi-agent tasks; importing this package registers them with DI-engine."""

from ding_alma.policy import alma, aqmix, copa, mppo, refil
from ding_alma.replay import ring
from ding_alma.report.hooks import register_hooks

__all__ = ["alma", "aqmix", "copa", "mppo", "refil", "ring"]

register_hooks()
