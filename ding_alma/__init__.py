"""Hierarchical policies for composite multi-agent tasks.

Importing this package alone costs nothing; `ding_alma.plugin` registers everything with DI-engine, and is what configs
name in ``import_names``.
"""
