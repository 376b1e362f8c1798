import dizoo_ext.kernel_cache  # noqa: F401  (before any kernel)
