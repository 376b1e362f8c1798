"""The legacy numpy random stream (MT19937 as in ``numpy.random.RandomState``) inside compiled code.

The words and the position live in the environment's record (fields ``words``, (624,) uint32, and ``position``), so that
every environment has its own stream.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit

WORDS = 624
_OFFSET = 397
_UPPER = 0x80000000
_LOWER = 0x7FFFFFFF
_TWIST = 0x9908B0DF


@njit
def _renew(words):
    for i in range(WORDS):
        joined = (words[i] & _UPPER) | (words[(i + 1) % WORDS] & _LOWER)
        word = words[(i + _OFFSET) % WORDS] ^ (joined >> 1)
        if joined & 1:
            word ^= _TWIST
        words[i] = word


@njit
def next_word(record):
    """The stream's next 32 random bits."""
    if record.position >= WORDS:
        _renew(record.words)
        record.position = 0
    word = int(record.words[record.position])
    record.position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C5680
    word ^= (word << 15) & 0xEFC60000
    return word ^ (word >> 18)


@njit
def draw_uniform(record):
    """``random_sample()``: a float64 in [0, 1) of 53 random bits."""
    high = next_word(record) >> 5
    low = next_word(record) >> 6
    return (high * 67108864.0 + low) / 9007199254740992.0


@njit
def draw_below(record, bound):
    """``randint(bound)`` by masked rejection; a bound of one draws nothing."""
    highest = bound - 1
    if highest == 0:
        return 0
    mask = highest
    for shift in (1, 2, 4, 8, 16):
        mask |= mask >> shift
    value = next_word(record) & mask
    while value > highest:
        value = next_word(record) & mask
    return value


def stream_state(record: np.void, *more: str) -> dict[str, Any]:
    """A copy of an environment's stream, and of the fields ``more``, numbers that its draws also depend on."""
    return {"words": record["words"].copy(), **{field: int(record[field]) for field in ("position", *more)}}


def set_stream_state(record: np.void, state: Mapping[str, Any]) -> None:
    """Write what `stream_state` returned back into a record."""
    for field, value in state.items():
        record[field] = value
