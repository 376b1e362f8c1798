"""Composite multi-agent environments for DI-engine.

Importing this package alone costs nothing; `dizoo_ext.plugin` registers all environments with DI-engine, and is what
configs name in ``import_names``.
"""
