"""What one city consists of: the constants of the game and the record that holds a city's state.

docs/reference/save_the_city.md#world
"""

from pathlib import Path

import numpy as np

from dizoo_ext import mersenne
from dizoo_ext.kernel_cache import source_field

GRID = 16
"""Cells per side; x grows to the East, y to the North."""
BORDER = 2
"""Blocked cells around the grid in ``blocked``, so that a two-cell move needs no bounds check."""
MAX_AGENTS = 24
MAX_BUILDINGS = 25
"""The building lattice with the smallest spacing has 25 cells, and generated teams have one agent less."""

FAST, SLOW, FIREFIGHTER, BUILDER, GENERALIST = range(5)
"""Types, equal to their position in the type one-hot of the features."""
AGENT_LETTERS = {"F": FIREFIGHTER, "B": BUILDER, "G": GENERALIST}
BUILDING_LETTERS = {"F": FAST, "S": SLOW}
AGENT_TYPES = 3

FIRE_SPEED = (0.0, 0.0, 1.0, 0.05, 0.0)
BUILD_SPEED = (0.0, 0.0, 0.05, 1.0, 0.0)
BURN_SPEED = (1.0, 0.5)
PERIOD_LOW = (60, 10)
PERIOD_HIGH = (80, 30)
"""By type: effect on fire, effect on health, damage by fire, and the bounds (both included) of the fire period."""

ACTIONS = 12
STAY, FIRE, BUILD, FREEZE = 0, 9, 10, 11
MOVE_X = (0, 0, 1, 0, -1, 0, 2, 0, -2)
MOVE_Y = (0, 1, 0, -1, 0, 2, 0, -2, 0)
"""By action 0..8: stay, one cell N E S W, two cells N E S W."""
WALKS = 4
"""Actions 1..WALKS move one cell; the other moves are for generalists."""
ACTION_NAMES = (
    "stay",
    "north",
    "east",
    "south",
    "west",
    "jump north",
    "jump east",
    "jump south",
    "jump west",
    "extinguish",
    "build",
    "freeze",
)
FINISHED_TIMER = 1000
"""``time_to_next_fire`` of a completed or burned building."""


CITY = np.dtype(
    [
        ("agents", np.int32),
        ("buildings", np.int32),
        ("t", np.int32),
        ("running", np.bool_),
        # agents, in index order
        ("agent_type", np.int8, MAX_AGENTS),
        ("agent_x", np.int8, MAX_AGENTS),
        ("agent_y", np.int8, MAX_AGENTS),
        ("last_action", np.int8, MAX_AGENTS),
        # buildings, in index order
        ("health", np.float64, MAX_BUILDINGS),
        ("fire", np.float64, MAX_BUILDINGS),
        ("period", np.int16, MAX_BUILDINGS),
        ("time_to_next_fire", np.int16, MAX_BUILDINGS),
        ("time_since_last_fire", np.int16, MAX_BUILDINGS),
        ("building_type", np.int8, MAX_BUILDINGS),
        ("building_x", np.int8, MAX_BUILDINGS),
        ("building_y", np.int8, MAX_BUILDINGS),
        # sums of the running episode
        ("total_reward", np.float64),
        ("health_delta", np.float64),
        ("extinguished", np.int32),
        ("completed", np.int32),
        ("burned", np.int32),
        ("firefights", np.int32),
        ("firefight_types", np.int32),
        ("builds", np.int32),
        ("build_types", np.int32),
        ("action_uses", np.int32, (AGENT_TYPES, 3)),
        # derived from the above; refreshed after every reset and step
        ("blocked", np.uint32, GRID + 2 * BORDER),
        ("beside", np.int8, MAX_AGENTS),
        ("legal", np.int16, MAX_AGENTS),
        # room for one step's sums, meaningless between steps
        ("from_x", np.int8, MAX_AGENTS),
        ("from_y", np.int8, MAX_AGENTS),
        ("extinguishing", np.float64, MAX_BUILDINGS),
        ("construction", np.float64, MAX_BUILDINGS),
        ("used", np.int32, MAX_BUILDINGS),
        # the environment's random stream (MT19937), and tie-breaks that take its place
        ("words", np.uint32, 624),
        ("position", np.int32),
        ("forced", np.int8, MAX_AGENTS),
        ("forced_count", np.int32),
        ("forced_next", np.int32),
        source_field(Path(__file__).parent, mersenne.__file__),
    ],
    align=True,
)
"""One city.

A building is complete exactly when its health is 1 and burned down exactly when it is 0. ``last_action`` is -1 before
the first step. ``blocked[y + BORDER]`` has bit ``x + BORDER`` set where nobody can move to; ``beside`` is the building
next to an agent or -1; ``legal`` has bit ``a`` set where action ``a`` is available.
"""

RULES = np.dtype(
    [
        ("init_fire_chance", np.float64),
        ("fire_burn_rate", np.float64),
        ("fire_reduce_rate", np.float64),
        ("fire_growth_rate", np.float64),
        ("base_build_rate", np.float64),
        ("generalist_help_factor", np.float64),
        ("health_delta_mult", np.float64),
        ("complete", np.float64),
        ("burned_down", np.float64),
        ("extinguish", np.float64),
        ("solved", np.float64),
        ("ts_pen", np.float64),
        ("reward_scale", np.float64),
        ("max_reward", np.float64),
        ("episode_limit", np.int64),
        ("building_reach", np.int64),
        ("end_on_any_burn", np.bool_),
        ("illegal_is_noop", np.bool_),
    ],
    align=True,
)
"""The numbers that a configuration sets."""
