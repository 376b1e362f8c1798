"""A battle's random numbers: one 64-bit word in its record, stepped by splitmix64 (Steele et al., 2014)."""

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_BITS_30, _BITS_27, _BITS_31, _BITS_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@njit
def mix(word):
    """A uint64 scrambled into another: every bit of the input changes about half of the output's."""
    word = (word ^ (word >> _BITS_30)) * _FIRST
    word = (word ^ (word >> _BITS_27)) * _SECOND
    return word ^ (word >> _BITS_31)


@njit
def absorb(word, value):
    """The uint64 ``word`` after an integer was mixed into it."""
    return mix((word + _GOLDEN) ^ np.uint64(value))


@njit
def uniform(battle, low, high):
    """The next number of the battle's stream, uniform in [low, high)."""
    battle.random += _GOLDEN
    return low + (high - low) * (np.float64(mix(battle.random) >> _BITS_11) * 2.0**-53)
