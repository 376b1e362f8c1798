"""The record that holds everything of one environment above the engine, and the numbers its rules go by."""

from pathlib import Path

import numpy as np

from dizoo_ext import mersenne
from dizoo_ext.kernel_cache import source_field
from dizoo_ext.smac_multiarmy.embedded import state
from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.engine_interface import MAX_UNITS

MAX_ARMIES = 8
MAX_STYLE = 4
"""Keys of an allocation heuristic."""

MAP_SIZE = 32.0
CENTRE = MAP_SIZE / 2
STEP_LOOPS = 8
SETTLE_LOOPS = 4
"""Game loops of a step, and between the first look at an episode and the armies' first orders."""
NO_OP, STOP, NORTH, SOUTH, EAST, WEST, FIRST_TARGET = range(7)
"""Actions; from `FIRST_TARGET` on there is one per entity that can be a target, by its tag."""
ACTION_NAMES = ("no-op", "stop", "north", "south", "east", "west")
MOVE_AMOUNT = 2.0
"""Length of an ordered move."""
TARGET_RANGE = 6.0
"""Distance of centres within which a target may be chosen, for every type of unit."""
BASE_RADIUS = 2.0
FIRST_PHASE = 20
"""Armies begin their first attack after less than this many steps."""
SHORTEST_PHASE, LONGEST_PHASE = 11, 20
"""Steps of an attack or a retreat, both included."""
SINCE_SCALE = 20.0
HEALTH_BOOST = 4.0

LOST, GOING_ON, WON, DRAW = -1, 0, 1, 2
"""How a match or the fight with an army stands; only matches end in a draw."""

TYPE, UNASSIGNED, DIFFERENCE, ATTACKING = range(4)
STYLE_KEYS = {"type": TYPE, "unassigned": UNASSIGNED, "diff": DIFFERENCE, "attacking": ATTACKING}
"""What an allocation heuristic may compare armies by."""


MATCH = np.dtype(
    [
        ("agents", np.int64),
        ("enemies", np.int64),
        ("armies", np.int64),
        ("scenario", np.int64),
        ("t", np.int64),
        ("running", np.bool_),
        # units: the agents, then the enemies
        ("slot", np.int16, MAX_UNITS),
        ("type", np.int8, MAX_UNITS),
        ("tag", np.int16, MAX_UNITS),
        ("army", np.int8, MAX_UNITS),
        ("alive", np.int8, MAX_UNITS),
        ("x", np.float32, MAX_UNITS),
        ("y", np.float32, MAX_UNITS),
        ("health", np.float32, MAX_UNITS),
        ("shield", np.float32, MAX_UNITS),
        ("energy", np.float32, MAX_UNITS),
        ("cooldown", np.float32, MAX_UNITS),
        # how they were a step ago
        ("was_alive", np.int8, MAX_UNITS),
        ("old_x", np.float32, MAX_UNITS),
        ("old_y", np.float32, MAX_UNITS),
        ("old_health", np.float32, MAX_UNITS),
        ("old_shield", np.float32, MAX_UNITS),
        # agents
        ("rank", np.int16, MAX_UNITS),
        ("last_action", np.int16, MAX_UNITS),
        # what is known by other indices: slots, tags
        ("army_of_slot", np.int8, MAX_UNITS),
        ("unit_of_tag", np.int16, MAX_UNITS),
        # armies
        ("centre_x", np.float64, MAX_ARMIES),
        ("centre_y", np.float64, MAX_ARMIES),
        ("goal_x", np.float64),
        ("goal_y", np.float64),
        ("attacking", np.int8, MAX_ARMIES),
        ("to_switch", np.int64, MAX_ARMIES),
        ("since_switch", np.int64, MAX_ARMIES),
        ("outcome", np.int8, MAX_ARMIES),
        ("subtask_done", np.int8, MAX_ARMIES),
        ("spread", np.float64),
        ("narrowest_gap", np.float64),
        # what the last step brought
        ("reward", np.float64),
        ("subtask_reward", np.float64, MAX_ARMIES),
        ("subtasks_changed", np.bool_),
        ("time_limit", np.bool_),
        # the episode so far
        ("total_reward", np.float64),
        ("won", np.bool_),
        ("infiltrated", np.bool_),
        ("allies_defeated", np.bool_),
        ("game_lost", np.bool_),
        ("healed", np.float64),
        ("boosts", np.int64),
        ("illegal_actions", np.int64),
        # the environment's random stream (MT19937), and what battles derive theirs from
        ("words", np.uint32, 624),
        ("position", np.int32),
        ("seed", np.uint32),
        ("episode", np.uint32),
        source_field(Path(__file__).parent, Path(state.__file__).parent, mersenne.__file__),
    ],
    align=True,
)
"""One match.

Units are numbered 0..agents - 1 (agents) and agents.. (enemies); ``slot`` is a unit's place in the roster. ``army`` is
-1 for agents. The numbers of dead units stay as they were last seen. ``rank`` lists the agents in the order in which a
heuristic allocates them. Centres of armies are map coordinates of the places where they were spawned; the ``goal`` is
where the enemies of a map of SMAC attack-move to, NaN elsewhere. ``attacking`` armies are in an attack phase,
``to_switch`` is 0 when it is time for the next phase and negative for armies that have left the cycle. ``outcome`` is
LOST for an army inside the base, WON for one without a living unit; absent armies count as WON. ``healed`` sums the
healed share of agents over ``boosts``; ``narrowest_gap`` is the smallest angle between two armies in degrees.
"""

RULES = np.dtype(
    [
        ("num_agents", np.int64),
        ("num_enemies", np.int64),
        ("subtasks", np.int64),
        ("actions", np.int64),
        ("features", np.int64),
        ("type_features", np.int64),
        ("has_shields", np.bool_),
        ("ally_shields", np.bool_),
        ("enemy_shields", np.bool_),
        ("type_index", np.int64, len(UNIT_NAMES)),
        ("has_healers", np.bool_),
        ("defends_base", np.bool_),
        ("army_size", np.int64),
        ("separation", np.float64),
        ("jitter", np.float64),
        ("rotates", np.bool_),
        ("spreads_armies", np.bool_),
        ("spreads_each_army", np.bool_),
        ("random_tags", np.bool_),
        ("sight", np.float64),
        ("episode_limit", np.int64),
        ("death_value", np.float64),
        ("win", np.float64),
        ("defeat", np.float64),
        ("negative_scale", np.float64),
        ("only_positive", np.bool_),
        ("scale", np.float64),
        ("reference_accounts", np.bool_),
        ("style", np.int64, MAX_STYLE),
        ("style_length", np.int64),
        ("style_sees_deaths", np.bool_),
        ("illegal_is_noop", np.bool_),
    ],
    align=True,
)
"""The numbers that a scenario set and a configuration decide.

``num_agents`` and ``num_enemies`` are the padded maxima. ``spreads_each_army`` and ``reference_accounts`` are the
original's own ways of spreading armies (docs/reference/smac.md#distance-between-armies) and of counting
their rewards and healed agents (docs/reference/smac.md#rewards-of-the-armies). Rewards
are divided by ``scale``.
"""
