"""Draw a city."""

import numpy as np


def draw_city(city: np.ndarray, allocation: np.ndarray | None = None) -> np.ndarray:
    raise NotImplementedError
