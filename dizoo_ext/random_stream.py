"""Where an environment's random numbers come from."""

import secrets
from collections.abc import Mapping
from typing import Any

import numpy as np

SEED_LIMIT = 2**32
_TEST_STREAM = 1
_ACTION_STREAM = 2


StreamState = Mapping[str, Any]
"""Where an environment's stream stands: the ``seed`` that it started from, and its ``stream`` state."""


def kept_stream(seed: int | None, stream: Mapping[str, Any] | None) -> StreamState | None:
    """Both parts of a `StreamState`; None if the stream has not started or does not tell where it stands."""
    return None if seed is None or stream is None else {"seed": seed, "stream": stream}


def seed_and_state(seed: int | StreamState) -> tuple[int, Mapping[str, Any] | None]:
    """What an environment is seeded with: a number, or a number and where the stream that it started stands by now."""
    return (seed["seed"], seed["stream"]) if isinstance(seed, Mapping) else (seed, None)


def fresh_seed() -> int:
    """A seed from the operating system, for environments that nobody seeds (DI-engine's parallel pipelines)."""
    return secrets.randbelow(SEED_LIMIT)


def stream_seed(seed: int, is_test: bool) -> int:
    """The 32-bit seed of an environment's own stream.

    Collectors and evaluators are handed the same seeds by DI-engine, so an evaluator's stream (``is_test``) is derived
    from the seed instead of being the seed itself.

    Raises:
        ValueError: the seed is not an integer in [0, 2**32).
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < SEED_LIMIT:
        raise ValueError(f"an environment's seed must be an integer in [0, 2**32), got {seed!r}")
    return _derived(int(seed), _TEST_STREAM) if is_test else int(seed)


def action_generator(seed: int) -> np.random.Generator:
    """The generator of random actions; drawing from it leaves the environment's own stream untouched."""
    return np.random.default_rng([seed, _ACTION_STREAM])


def random_legal_actions(action_mask: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw one allowed action per row, uniformly: (..., U) mask -> (...) int64."""
    draws = generator.random(action_mask.shape)
    return np.where(action_mask > 0, draws, -1.0).argmax(axis=-1)


def _derived(seed: int, stream: int) -> int:
    return int(np.random.SeedSequence((seed, stream)).generate_state(1)[0])
