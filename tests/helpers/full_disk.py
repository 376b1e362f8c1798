"""A disk that is really full, for this process: writes beyond a size fail, also in the middle of a file."""

import contextlib
import resource


@contextlib.contextmanager
def files_up_to(size):
    """Writes behind ``size`` bytes of a file raise an OSError. Print nothing inside: pytest keeps it in a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
