"""Values that change with the environment-step counter."""


def linear(start: float, end: float, length: float, step: float) -> float:
    """From ``start`` at step 0 down to ``end`` at step ``length`` and ever after.

    Raises:
        ValueError: ``length`` is not positive, or ``end`` lies above ``start``.
    """
    if length <= 0:
        raise ValueError(f"a schedule must last longer than 0 steps, got {length}")
    if end > start:
        raise ValueError(f"a schedule must not rise, got start {start} and end {end}")
    return max(end, start - (start - end) * step / length)
