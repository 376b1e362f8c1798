"""Memory that large updates allocate again and again."""

import subprocess
import sys

from ding_alma.policy import heap

PAGE_FAULTS = """
import ctypes, resource, runpy, sys

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

def touch():
    block = libc.malloc(2**26)
    libc.memset(block, 1, 2**26)
    libc.free(block)

possible = runpy.run_path(sys.argv[1])["keep_heap"]() if sys.argv[2] == "keep" else True
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
touch()
print(int(possible), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(how):
    command = [sys.executable, "-c", PAGE_FAULTS, heap.__file__, how]
    possible, faults = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    return possible, faults


def test_large_blocks_are_touched_for_the_first_time_only_once():
    """A block of 64 MiB has thousands of pages."""
    possible, kept = run("keep")
    if possible:
        assert kept < 10 and run("default")[1] > 1000
