"""What a match shows: features, masks and allowed actions.

docs/reference/smac.md#entity-features, docs/reference/smac.md#masks
"""

import math

from numba import njit

from dizoo_ext.smac_multiarmy.actions import is_allowed, squared_distance
from dizoo_ext.smac_multiarmy.heuristic import write_heuristic
from dizoo_ext.smac_multiarmy.match import CENTRE, FIRST_TARGET, MAP_SIZE, MOVE_AMOUNT, NO_OP, NORTH, SINCE_SCALE


@njit
def observe_match(
    match,
    rules,
    table,
    entities,
    entity_mask,
    obs_mask,
    entity_subtask,
    subtask_mask,
    action_mask,
    action_subtask,
    heuristic,
):
    """Write one match's observation into arrays that need not be cleared before.

    Args:
        entities: (E, F) float32.
        entity_mask: (E,) bool.
        obs_mask: (A, E) bool.
        entity_subtask: (E,) int64.
        subtask_mask: (K,) bool.
        action_mask: (A, U) float32.
        action_subtask: (A, U) int64.
        heuristic: (A,) int64.
    """
    write_heuristic(match, rules, heuristic)
    for a in range(rules.subtasks):
        subtask_mask[a] = not match.subtask_done[a]
    entity_mask[:] = False
    entity_subtask[:] = -1
    obs_mask[:] = False
    for u in range(match.agents + match.enemies):
        e = row_of_unit(match, rules, u)
        entity_mask[e] = match.alive[u]
        entity_subtask[e] = match.army[u]
    _write_sight(match, rules, obs_mask)
    _write_actions(match, rules, table, action_mask, action_subtask)
    _write_features(match, rules, table, action_mask, entities)


@njit
def row_of_unit(match, rules, u):
    """Where unit ``u`` stands among the padded entities."""
    return u if u < match.agents else rules.num_agents + u - match.agents


@njit
def _write_sight(match, rules, obs_mask):
    """Agents see living units in sight, and themselves even when they are dead."""
    limit = rules.sight * rules.sight
    for i in range(match.agents):
        obs_mask[i, i] = True
        if match.alive[i]:
            for u in range(match.agents + match.enemies):
                if u != i and match.alive[u]:
                    obs_mask[i, row_of_unit(match, rules, u)] = squared_distance(match, i, u) <= limit


@njit
def _write_actions(match, rules, table, action_mask, action_subtask):
    action_mask[:] = 0.0
    action_subtask[:] = -1
    action_mask[match.agents :, NO_OP] = 1.0
    for i in range(match.agents):
        for action in range(rules.actions):
            if not is_allowed(match, table, i, action):
                continue
            action_mask[i, action] = 1.0
            if action >= FIRST_TARGET:
                u = match.unit_of_tag[action - FIRST_TARGET]
                action_subtask[i, action] = -2 - u if u < match.agents else match.army[u]


@njit
def _write_features(match, rules, table, action_mask, entities):
    """The features in their order: tag, allowed actions from NORTH on, type, state, place, army, movement."""
    entities[:] = 0.0
    units = match.agents + match.enemies
    tags = rules.num_agents + rules.num_enemies
    mean_x = mean_y = 0.0
    for u in range(units):
        mean_x += match.x[u]
        mean_y += match.y[u]
    mean_x /= units
    mean_y /= units
    farthest = 0
    most = -1.0
    for u in range(units):
        x, y = match.x[u] - mean_x, match.y[u] - mean_y
        if x * x + y * y > most:
            most = x * x + y * y
            farthest = u
    extent = math.hypot(match.x[farthest] - mean_x, match.y[farthest] - mean_y)
    for u in range(units):
        row = entities[row_of_unit(match, rules, u)]
        row[match.tag[u]] = 1.0
        is_agent = u < match.agents
        at = tags
        if is_agent:
            for action in range(NORTH, rules.actions):
                row[at + action - NORTH] = action_mask[u, action]
        at += rules.actions - NORTH
        kind = table[match.type[u]]
        if rules.type_features > 0:
            row[at + rules.type_index[match.type[u]]] = 1.0
        at += rules.type_features
        if match.alive[u]:
            row[at] = match.health[u] / kind.health
            at += 1
            if rules.has_shields:
                if (rules.ally_shields if is_agent else rules.enemy_shields) and kind.shield > 0:
                    row[at] = match.shield[u] / kind.shield
                at += 1
            if is_agent:
                if kind.energy_max > 0:
                    row[at] = match.energy[u] / kind.energy_max
                row[at + 1] = match.cooldown[u] / kind.max_cooldown
            at += 2
            row[at] = (match.x[u] - CENTRE) / MAP_SIZE
            row[at + 1] = (match.y[u] - CENTRE) / MAP_SIZE
            row[at + 2] = _ratio(match.x[u] - mean_x, extent)
            row[at + 3] = _ratio(match.y[u] - mean_y, extent)
        at = rules.features - 4
        if not is_agent:
            row[at] = match.attacking[match.army[u]]
            row[at + 1] = match.since_switch[match.army[u]] / SINCE_SCALE
        row[at + 2] = (float(match.x[u]) - float(match.old_x[u])) / MOVE_AMOUNT
        row[at + 3] = (float(match.y[u]) - float(match.old_y[u])) / MOVE_AMOUNT


@njit
def _ratio(part, whole):
    return part / whole if whole > 0 else 0.0
