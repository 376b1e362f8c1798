"""How much places on the map count where entities are compared with each other."""

from collections.abc import Sequence

import torch
from torch import Tensor

COORDINATE_GAIN = 8.0
"""Factor of coordinates in a comparison, so that an eighth of the map is as much as a one-hot feature."""


def coordinate_gain(features: int, coordinates: Sequence[int]) -> Tensor:
    """(features,) factors of all features: `COORDINATE_GAIN` in the columns ``coordinates``, else 1."""
    gain = torch.ones(features)
    gain[list(coordinates)] = COORDINATE_GAIN
    return gain
