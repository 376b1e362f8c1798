"""Composite multi-agent environments for DI-engine; importing this package registers them."""
