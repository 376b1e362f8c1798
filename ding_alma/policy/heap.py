"""Memory that large updates on a CPU allocate again and again."""

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt``."""
_NEVER, _NONE = -1, 0


def keep_heap() -> bool:
    """Let this process keep memory that it has freed, for what it allocates next.

    glibc gives every freed block above 32 MiB back to the system, and the next such block comes as pages that fault one
    by one at first touch. Where a network's intermediate results are that large, faults are most of an update's time.
    The process then stays as large as it once was.

    Returns:
        Whether it was possible: on Linux with glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_MAX, _NONE) and mallopt(_TRIM_THRESHOLD, _NEVER))
