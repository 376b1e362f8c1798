"""Hand-made teams, for the reference lines in reports."""

import numpy as np
from numba import njit

from dizoo_ext.plain.scripted_play import play_scripted
from dizoo_ext.random_stream import random_legal_actions
from dizoo_ext.smac_multiarmy.actions import is_allowed, squared_distance
from dizoo_ext.smac_multiarmy.heuristic import write_heuristic
from dizoo_ext.smac_multiarmy.match import EAST, FIRST_TARGET, NO_OP, NORTH, SOUTH, STOP, WEST
from dizoo_ext.smac_multiarmy.vector import SmacMultiArmyVector
from dizoo_ext.strict_config import check_choice

ALLOCATIONS = ("heuristic", "random")


def play_baseline(
    env: SmacMultiArmyVector, allocation: str = "heuristic", period: int = 3, episodes: int = 500, seed: int = 0
) -> dict[str, float]:
    """Mean metrics of teams whose agents attack the nearest unit of the army that they are allocated to.

    An agent without a target in range walks towards that army's nearest unit. A healer heals the most wounded ally
    (its share of health) in range.

    Args:
        allocation: 'heuristic', by the environment's ``heuristic_style``, or 'random' (each agent any unfinished army).

    The other arguments and the result: see `dizoo_ext.plain.scripted_play.play_scripted`.
    """
    check_choice(allocation, ALLOCATIONS, "allocation")
    generator = np.random.default_rng([seed, ALLOCATIONS.index(allocation)])

    def allocate(env: SmacMultiArmyVector, rows: np.ndarray) -> np.ndarray:
        chosen = np.empty((len(rows), env.spec.agents), np.int64)
        if allocation == "heuristic":
            _heuristic_rows(env.matches, rows, env.rules, chosen)
        else:
            matches = env.matches[rows]
            is_present = np.arange(env.spec.subtasks) < matches["armies"][:, None]
            open_armies = is_present & ~matches["subtask_done"][:, : env.spec.subtasks]
            chosen[:] = random_legal_actions(np.repeat(open_armies[:, None], env.spec.agents, axis=1), generator)
        return chosen

    return play_scripted(env, allocate, _act, period, episodes, seed)


def _act(env: SmacMultiArmyVector, rows: np.ndarray, allocation: np.ndarray) -> np.ndarray:
    actions = np.full(allocation.shape, NO_OP)
    _scripted_rows(env.matches, rows, env.unit_table, allocation, actions)
    return actions


@njit
def _heuristic_rows(matches, rows, rules, chosen):
    for n in range(len(rows)):
        write_heuristic(matches[rows[n]], rules[0], chosen[n])


@njit
def _scripted_rows(matches, rows, table, allocation, actions):
    for n in range(len(rows)):
        match = matches[rows[n]]
        for i in range(match.agents):
            if match.alive[i]:
                actions[n, i] = _scripted_action(match, table, i, allocation[n, i])


@njit
def _scripted_action(match, table, i, army):
    heals = table[match.type[i]].heal > 0
    chosen = STOP
    least = np.inf
    for tag in range(len(match.unit_of_tag)):
        u = match.unit_of_tag[tag]
        if u >= 0 and (heals or match.army[u] == army) and is_allowed(match, table, i, FIRST_TARGET + tag):
            urgency = match.health[u] / table[match.type[u]].health if heals else squared_distance(match, i, u)
            if urgency < least:
                least = urgency
                chosen = FIRST_TARGET + tag
    if chosen != STOP:
        return chosen
    nearest = -1
    for u in range(match.agents, match.agents + match.enemies):
        if match.alive[u] and match.army[u] == army:
            distance = squared_distance(match, i, u)
            if distance < least:
                least = distance
                nearest = u
    if nearest < 0:
        return STOP
    x, y = match.x[nearest] - match.x[i], match.y[nearest] - match.y[i]
    horizontal, vertical = (EAST if x > 0 else WEST), (NORTH if y > 0 else SOUTH)
    first, second = (horizontal, vertical) if abs(x) > abs(y) else (vertical, horizontal)
    if is_allowed(match, table, i, first):
        return first
    return second if is_allowed(match, table, i, second) else STOP
