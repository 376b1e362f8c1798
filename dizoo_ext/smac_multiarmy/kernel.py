"""The compiled entry points: each works on rows of a batch of matches in one call."""

import math

import numpy as np
from numba import njit

from dizoo_ext.smac_multiarmy.actions import check_actions, order_agents
from dizoo_ext.smac_multiarmy.armies import begin_attacks, clear_orders, switch_phases
from dizoo_ext.smac_multiarmy.embedded.battle import advance_battle, begin_battle, order_battle, read_battle
from dizoo_ext.smac_multiarmy.match import MAP_SIZE, SETTLE_LOOPS, STEP_LOOPS, WON
from dizoo_ext.smac_multiarmy.observation import observe_match
from dizoo_ext.smac_multiarmy.placement import begin_match, place_units
from dizoo_ext.smac_multiarmy.step_outcome import settle_step
from dizoo_ext.smac_multiarmy.unit_records import init_units, read_units

EPISODE_INFO = (
    "battle_won",
    "perc_armies_defeated",
    "base_infiltrated",
    "allies_defeated",
    "timeouts",
    "restarts",
    "perc_agents_healed_per_army_defeated",
    "illegal_actions",
    "allies_left",
    "enemies_left",
    "spread",
    "narrowest_gap",
    "agents",
    "enemies",
    "armies",
    "scenario",
    "return",
    "episode_length",
)
"""Metrics of an episode, in the order in which they are handed out."""
EPISODE = np.dtype([(name, np.float64) for name in EPISODE_INFO])
"""The record that `summarise_rows` writes."""


@njit(cache=True, nogil=True)
def seed_rows(matches, rows, rules, rosters, largest):
    """Spend what the original draws before its first episode: the largest scenario is placed twice.

    ``largest`` is a table of one scenario, the largest one.
    """
    for row in rows:
        match = matches[row]
        match.episode = 0
        match.running = False
        for _ in range(2):
            place_units(match, rules[0], rosters[row], largest[0], -1)


@njit(cache=True, nogil=True)
def begin_rows(matches, rows, rules, scenarios, choices, index, armies, rosters):
    """Draw new episodes into the matches ``rows``; see `placement.begin_match`."""
    for row in rows:
        begin_match(matches[row], rules[0], rosters[row], scenarios, choices, index, armies)


@njit(cache=True, nogil=True)
def init_rows(matches, rows, rules, table, rosters, units, orders):
    """Take the first look at spawned rosters and write the enemies' first orders."""
    for row in rows:
        clear_orders(matches[row], orders[row])
        init_units(matches[row], table, rosters[row], units[row])
        begin_attacks(matches[row], rules[0], table, orders[row])


@njit(cache=True, nogil=True)
def can_play_rows(matches, rows, rules, table, actions):
    """Whether all matches are running and all joint actions (n, A) can be played."""
    for k in range(len(rows)):
        if not matches[rows[k]].running or not check_actions(matches[rows[k]], rules[0], table, actions[k]):
            return False
    return True


@njit(cache=True, nogil=True)
def order_rows(matches, rows, table, actions, orders):
    """Write the checked joint actions (n, A) into the matches' orders."""
    for k in range(len(rows)):
        clear_orders(matches[rows[k]], orders[rows[k]])
        order_agents(matches[rows[k]], table, actions[k], orders[rows[k]])


@njit(cache=True, nogil=True)
def settle_rows(matches, rows, rules, table, units, orders):
    """Read the units, settle the step, and write what the enemies do next and who gets healed."""
    for row in rows:
        _settle(matches[row], rules[0], table, units[row], orders[row])


@njit(cache=True, nogil=True)
def abort_rows(matches, rows):
    """End the episodes of matches whose game is lost: nothing has happened since the last look."""
    for row in rows:
        match = matches[row]
        match.t += 1
        match.running = False
        match.game_lost = True
        match.reward = 0.0
        match.subtask_reward[:] = 0.0
        match.subtasks_changed = False
        match.time_limit = False


@njit(cache=True, nogil=True)
def begin_embedded_rows(
    matches, rows, rules, table, scenarios, choices, index, armies, rosters, battles, units, orders
):
    """`begin_rows`, the spawn in the embedded engine and `init_rows` in one call."""
    for row in rows:
        match, battle = matches[row], battles[row]
        begin_match(match, rules[0], rosters[row], scenarios, choices, index, armies)
        begin_battle(battle, table, rosters[row], MAP_SIZE)
        read_battle(battle, units[row])
        clear_orders(match, orders[row])
        init_units(match, table, rosters[row], units[row])
        begin_attacks(match, rules[0], table, orders[row])
        advance_battle(battle, table, SETTLE_LOOPS)
        order_battle(battle, table, orders[row])


@njit(cache=True, nogil=True)
def step_embedded_rows(matches, rows, rules, table, actions, battles, units, orders):
    """`order_rows`, a step of the embedded engine and `settle_rows` in one call."""
    for k in range(len(rows)):
        row = rows[k]
        match, battle = matches[row], battles[row]
        clear_orders(match, orders[row])
        order_agents(match, table, actions[k], orders[row])
        order_battle(battle, table, orders[row])
        advance_battle(battle, table, STEP_LOOPS)
        read_battle(battle, units[row])
        _settle(match, rules[0], table, units[row], orders[row])
        order_battle(battle, table, orders[row])


@njit
def _settle(match, rules, table, units, orders):
    clear_orders(match, orders)
    read_units(match, units)
    settle_step(match, rules, table, orders)
    switch_phases(match, rules, table, orders)


@njit(cache=True, nogil=True)
def observe_rows(
    matches,
    rows,
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
    """Write the observations of the matches ``rows``, arrays as in `observation.observe_match` with rows in front."""
    for k in range(len(rows)):
        observe_match(
            matches[rows[k]],
            rules[0],
            table,
            entities[k],
            entity_mask[k],
            obs_mask[k],
            entity_subtask[k],
            subtask_mask[k],
            action_mask[k],
            action_subtask[k],
            heuristic[k],
        )


@njit(cache=True, nogil=True)
def report_rows(matches, rows, reward, done, time_limit, subtask_reward, subtask_done, subtasks_changed):
    """Write what the last step of the matches ``rows`` brought; returns how many episodes it ended."""
    ended = 0
    for k in range(len(rows)):
        match = matches[rows[k]]
        reward[k] = match.reward
        done[k] = not match.running
        time_limit[k] = match.time_limit
        subtasks_changed[k] = match.subtasks_changed
        for a in range(subtask_done.shape[1]):
            subtask_reward[k, a] = match.subtask_reward[a]
            subtask_done[k, a] = match.subtask_done[a] != 0
        ended += done[k]
    return ended


@njit(cache=True, nogil=True)
def summarise_rows(matches, rows, metrics):
    """Write the metrics (n,) `EPISODE` of ended episodes; NaN for undefined."""
    for k in range(len(rows)):
        match = matches[rows[k]]
        defeated = allies = enemies = 0
        for a in range(match.armies):
            defeated += match.outcome[a] == WON
        for u in range(match.agents + match.enemies):
            if match.alive[u]:
                allies += u < match.agents
                enemies += u >= match.agents
        row = metrics[k]
        row["battle_won"] = match.won
        row["perc_armies_defeated"] = defeated / match.armies
        row["base_infiltrated"] = match.infiltrated
        row["allies_defeated"] = match.allies_defeated
        row["timeouts"] = match.time_limit
        row["restarts"] = match.game_lost
        row["perc_agents_healed_per_army_defeated"] = match.healed / match.boosts if match.boosts else math.nan
        row["illegal_actions"] = match.illegal_actions
        row["allies_left"] = allies
        row["enemies_left"] = enemies
        row["spread"] = match.spread
        row["narrowest_gap"] = match.narrowest_gap
        row["agents"] = match.agents
        row["enemies"] = match.enemies
        row["armies"] = match.armies
        row["scenario"] = match.scenario
        row["return"] = match.total_reward
        row["episode_length"] = match.t
