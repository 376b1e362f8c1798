"""Spaces of gym, which DI-engine goes by, as Gymnasium's."""

from typing import Any, cast

import gym
from gymnasium import spaces


def gymnasium_space(space: gym.Space) -> spaces.Space:
    """The same space. Raises a TypeError for others than a Dict, a MultiDiscrete and a Box."""
    if isinstance(space, gym.spaces.Dict):
        return spaces.Dict({key: gymnasium_space(each) for key, each in space.spaces.items()})
    if isinstance(space, gym.spaces.MultiDiscrete):
        return spaces.MultiDiscrete(space.nvec)
    if not isinstance(space, gym.spaces.Box):
        raise TypeError(f"expected a Dict, MultiDiscrete or Box of gym, got {space!r}")
    # Gymnasium's annotation leaves out bool, which it takes.
    return spaces.Box(space.low, space.high, dtype=cast(Any, space.dtype))
