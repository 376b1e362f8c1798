"""How a policy acts in, and records, many environments per call, beside DI-engine's way of one by one."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dizoo_ext.vector_env import VectorStep


class BatchMode(NamedTuple):
    """The counterpart of DI-engine's ``collect_mode`` for batches of environments."""

    keys: tuple[str, ...]
    """Of the observation that ``forward`` reads."""
    forward: Callable[..., np.ndarray]
    """Of environment ids (n,), their observation (n, ...) per key and DI-engine's keyword arguments of a collection:
    joint actions (n, A) int64, recorded with what was observed."""
    end_step: Callable[[np.ndarray, VectorStep], None]
    """Of environment ids (n,) and what these actions led to; records it."""
