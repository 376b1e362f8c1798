"""Colours by which pictures, and what is drawn beside them, tell subtasks apart."""

SUBTASK_COLOURS = (
    (214, 69, 65),
    (52, 120, 199),
    (150, 90, 200),
    (226, 140, 40),
    (60, 160, 180),
    (190, 100, 140),
    (120, 130, 60),
    (110, 110, 116),
)
"""RGB of subtask 0, 1, ...; they begin again where there are more subtasks."""
