"""The compiled entry points: each works on rows of a batch of cities in one call."""

import numpy as np
from numba import njit

from dizoo_ext.save_the_city.city import AGENT_TYPES
from dizoo_ext.save_the_city.observation import observe_city
from dizoo_ext.save_the_city.placement import found_city
from dizoo_ext.save_the_city.rules import advance_city, check_actions, refresh_availability

EPISODE_INFO = (
    "solved",
    "prop_buildings_completed",
    "fires_extinguished",
    "buildings_completed",
    "buildings_burned",
    "buildings_health_delta",
    "types_per_firefight",
    "types_per_build",
    "return",
    "episode_length",
    "episode_limit",
)
"""Metrics of an episode, in the order in which they are handed out."""
ACTION_SHARES = tuple(
    f"{agent}_{action}" for agent in ("firefighter", "builder", "generalist") for action in ("fire", "build", "freeze")
)
"""Further ones: how an agent type's uses of the three building actions split up."""
EPISODE = np.dtype([*((name, np.float64) for name in EPISODE_INFO), ("action_shares", np.float64, (AGENT_TYPES, 3))])
"""The record that `summarise_rows` writes: `EPISODE_INFO`, then `ACTION_SHARES`."""


@njit(cache=True, nogil=True)
def reset_rows(cities, rows, rules, table, spacing, index, n_tasks):
    """Begin new episodes in the cities ``rows``; see `placement.found_city`."""
    for row in rows:
        found_city(cities[row], rules[0], table, spacing, index, n_tasks)
        refresh_availability(cities[row])


@njit(cache=True, nogil=True)
def refresh_rows(cities, rows):
    """Recompute what is derived from the state of the cities ``rows`` after it was set from outside."""
    for row in rows:
        refresh_availability(cities[row])


@njit(cache=True, nogil=True)
def observe_rows(
    cities,
    rows,
    entities,
    entity_mask,
    obs_mask,
    entity_subtask,
    subtask_mask,
    action_mask,
    action_subtask,
    heuristic,
):
    """Write the observations of the cities ``rows``; see `observation.observe_city`."""
    for k in range(len(rows)):
        observe_city(
            cities[rows[k]],
            k,
            entities,
            entity_mask,
            obs_mask,
            entity_subtask,
            subtask_mask,
            action_mask,
            action_subtask,
            heuristic,
        )


@njit(cache=True, nogil=True)
def step_rows(
    cities,
    rows,
    rules,
    actions,
    reward,
    done,
    time_limit,
    subtask_reward,
    subtask_done,
    subtasks_changed,
    entities,
    entity_mask,
    obs_mask,
    entity_subtask,
    subtask_mask,
    action_mask,
    action_subtask,
    heuristic,
):
    """Advance the cities ``rows`` by the joint actions (n, A) and write what they return and show.

    Returns:
        The number of cities whose episode ended, or -1 without any change if some city is not running or some action
        cannot be executed.
    """
    for k in range(len(rows)):
        city = cities[rows[k]]
        if not city.running or not check_actions(city, k, actions, rules[0].illegal_is_noop):
            return -1
    ended = 0
    for k in range(len(rows)):
        city = cities[rows[k]]
        reward[k], done[k], time_limit[k], subtasks_changed[k] = advance_city(
            city, rules[0], k, actions, subtask_reward, subtask_done
        )
        ended += done[k]
        observe_city(
            city,
            k,
            entities,
            entity_mask,
            obs_mask,
            entity_subtask,
            subtask_mask,
            action_mask,
            action_subtask,
            heuristic,
        )
    return ended


@njit(cache=True, nogil=True)
def summarise_rows(cities, rows, rules, metrics):
    """Write the metrics (n,) `EPISODE` of ended episodes; NaN for undefined."""
    for k in range(len(rows)):
        city = cities[rows[k]]
        complete = 0
        finished = 0
        for b in range(city.buildings):
            complete += city.health[b] == 1.0
            finished += city.health[b] == 1.0 or city.health[b] == 0.0
        row = metrics[k]
        row["solved"] = complete == city.buildings
        row["prop_buildings_completed"] = complete / city.buildings
        row["fires_extinguished"] = city.extinguished
        row["buildings_completed"] = city.completed
        row["buildings_burned"] = city.burned
        row["buildings_health_delta"] = city.health_delta
        row["types_per_firefight"] = _ratio(city.firefight_types, city.firefights)
        row["types_per_build"] = _ratio(city.build_types, city.builds)
        row["return"] = city.total_reward
        row["episode_length"] = city.t
        row["episode_limit"] = finished < city.buildings and not (rules[0].end_on_any_burn and city.burned > 0)
        for kind in range(AGENT_TYPES):
            total = 0
            for action in range(3):
                total += city.action_uses[kind, action]
            for action in range(3):
                row["action_shares"][kind, action] = city.action_uses[kind, action] / max(total, 1)


@njit
def _ratio(total, count):
    return total / count if count else float("nan")
