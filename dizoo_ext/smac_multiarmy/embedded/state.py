"""The record that holds one battle, and the constants its rules share (docs/reference/smac.md#order-of-a-loop)."""

from pathlib import Path

import numpy as np

from dizoo_ext.kernel_cache import source_field
from dizoo_ext.smac_multiarmy import engine_interface
from dizoo_ext.smac_multiarmy.engine_interface import ENEMY, MAX_UNITS

NOBODY = -1
"""In place of a unit's number."""
ENEMIES_ONLY = 1 << ENEMY
"""Owners whose units look after themselves, as bits ``1 << owner``."""


BATTLE = np.dtype(
    [
        ("map_size", np.float64),
        ("random", np.uint64),
        ("units", np.int64),
        ("living", np.int64),
        ("roll", np.int16, MAX_UNITS),
        ("slot", np.int16, MAX_UNITS),
        ("number", np.int16, MAX_UNITS),
        # what a unit is
        ("type", np.int8, MAX_UNITS),
        ("owner", np.int8, MAX_UNITS),
        ("autonomous", np.int8, MAX_UNITS),
        ("flying", np.int8, MAX_UNITS),
        ("radius", np.float64, MAX_UNITS),
        ("inner_radius", np.float64, MAX_UNITS),
        # how it is
        ("alive", np.int8, MAX_UNITS),
        ("x", np.float64, MAX_UNITS),
        ("y", np.float64, MAX_UNITS),
        ("health", np.float64, MAX_UNITS),
        ("shield", np.float64, MAX_UNITS),
        ("energy", np.float64, MAX_UNITS),
        ("cooldown", np.float64, MAX_UNITS),
        ("shield_wait", np.int16, MAX_UNITS),
        ("attacker", np.int16, MAX_UNITS),
        # what it is about
        ("order", np.int8, MAX_UNITS),
        ("goal_x", np.float64, MAX_UNITS),
        ("goal_y", np.float64, MAX_UNITS),
        ("guard_x", np.float64, MAX_UNITS),
        ("guard_y", np.float64, MAX_UNITS),
        ("target", np.int16, MAX_UNITS),
        ("responds", np.int8, MAX_UNITS),
        ("nearest", np.float64, MAX_UNITS),
        ("stalled", np.int16, MAX_UNITS),
        ("detour", np.int8, MAX_UNITS),
        # what it does in the running loop
        ("aim", np.int16, MAX_UNITS),
        ("healed", np.int8, MAX_UNITS),
        ("walks", np.int8, MAX_UNITS),
        ("step_x", np.float64, MAX_UNITS),
        ("step_y", np.float64, MAX_UNITS),
        # room for sums, meaningless between loops
        ("sum_x", np.float64, MAX_UNITS),
        ("sum_y", np.float64, MAX_UNITS),
        ("key", np.uint64, MAX_UNITS),
        # whether units may overlap or somebody was damaged in the last loop: passes that can be skipped
        ("crowded", np.bool_),
        ("hurt", np.bool_),
        source_field(Path(__file__).parent, engine_interface.__file__),
    ],
    align=True,
)
"""One battle. All arrays but ``number`` are indexed by a unit's *number*.

Numbers are a shuffle of the slots that depends on the seed, the units' types and the places where they stand at the
beginning, not on their slots or owners (see `spawn.number_units`): ``slot[number]`` and ``number[slot]`` translate.
``roll[:living]`` lists the living units in ascending order.

``autonomous`` units look after themselves. ``order`` is a kind of `interface`, STOP while there is none; ``goal`` is
its point, or the last one. ``guard`` is where an autonomous unit became idle and returns to, ``target`` the unit
ordered or chosen, which is kept beyond sight when the unit ``responds`` to an attack. ``attacker`` is one of those who
damaged the unit in the last loop. ``nearest`` is how near the unit came on its present walk to a point, ``stalled`` for
how many loops it has not come nearer. ``detour`` is the side (its sign) on which the unit goes round what stands in its
way, and for how many loops it remembers. ``aim`` is whom the unit heals in this loop, or fires at if its weapon is
ready; ``healed`` units have a healer already. ``shield_wait`` counts the loops until the shield recovers.
"""
