"""Hierarchical policies for composite multi-agent tasks; importing this package registers them with DI-engine."""

from ding_alma.policy import alma, aqmix, copa, refil
from ding_alma.replay import ring
from ding_alma.report.hooks import register_hooks

__all__ = ["alma", "aqmix", "copa", "refil", "ring"]

register_hooks()
