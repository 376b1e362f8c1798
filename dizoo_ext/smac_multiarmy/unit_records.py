"""What a match knows of its units: who is who, and how they are.

docs/reference/smac.md#beginning-of-an-episode, docs/reference/smac.md#ends
"""

from numba import njit

from dizoo_ext.smac_multiarmy.engine_interface import ALLY


@njit
def init_units(match, table, roster, units):
    """The first look at an episode: number the units and note how they are.

    Both sides are sorted by the game's ids of their types, then by x, then by y.

    Args:
        match: record of `match.MATCH`.
        table: the engine's unit table.
        roster: record of `engine.interface.ROSTER` that was spawned.
        units: record of `engine.interface.UNITS`.
    """
    _number_side(match, table, roster, units, 0, 0, match.agents)
    _number_side(match, table, roster, units, match.agents, match.agents, match.enemies)
    for u in range(match.agents + match.enemies):
        match.alive[u] = True
        match.type[u] = roster.type[match.slot[u]]
        match.army[u] = match.army_of_slot[match.slot[u]]
        _note(match, u, units)
        _remember(match, u)


@njit
def read_units(match, units):
    """A later look: living units are as they are seen, all others are dead and stay as they were."""
    for u in range(match.agents + match.enemies):
        _remember(match, u)
        match.alive[u] = units.alive[match.slot[u]] != 0
        if match.alive[u]:
            _note(match, u, units)


@njit
def _number_side(match, table, roster, units, first_unit, first_slot, count):
    for slot in range(first_slot, first_slot + count):
        u = first_unit + slot - first_slot
        while u > first_unit and _comes_before(table, roster, units, slot, match.slot[u - 1]):
            match.slot[u] = match.slot[u - 1]
            u -= 1
        match.slot[u] = slot


@njit
def _comes_before(table, roster, units, one, other):
    kind, other_kind = table[roster.type[one]], table[roster.type[other]]
    if roster.type[one] != roster.type[other]:
        if roster.owner[one] == ALLY:
            return kind.rl_id < other_kind.rl_id
        return kind.game_id < other_kind.game_id
    if units.x[one] != units.x[other]:
        return units.x[one] < units.x[other]
    return units.y[one] < units.y[other]


@njit
def _note(match, u, units):
    slot = match.slot[u]
    match.x[u] = units.x[slot]
    match.y[u] = units.y[slot]
    match.health[u] = units.health[slot]
    match.shield[u] = units.shield[slot]
    match.energy[u] = units.energy[slot]
    match.cooldown[u] = units.cooldown[slot]


@njit
def _remember(match, u):
    match.was_alive[u] = match.alive[u]
    match.old_x[u] = match.x[u]
    match.old_y[u] = match.y[u]
    match.old_health[u] = match.health[u]
    match.old_shield[u] = match.shield[u]
