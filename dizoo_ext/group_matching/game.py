"""The compiled rules of Group Matching, on one record per game (docs/reference/group_matching.md#rules)."""

from pathlib import Path

import numpy as np
from numba import njit

from dizoo_ext import mersenne
from dizoo_ext.kernel_cache import source_field
from dizoo_ext.mersenne import draw_below, draw_uniform

MAX_AGENTS = 32
MAX_GROUPS = 8
ACTIONS = 3
"""0: one cell down, 1: stay, 2: one cell up, on a ring."""
STEP_PENALTY = -0.1
MATCH_REWARD = 2.5


GAME = np.dtype(
    [
        ("t", np.int32),
        ("running", np.bool_),
        ("matches", np.int32),
        ("total_reward", np.float64),
        ("cell", np.int32, MAX_AGENTS),
        ("member", np.int8, (MAX_GROUPS, MAX_AGENTS)),
        ("last_action", np.int32, MAX_AGENTS),
        # the environment's random stream (MT19937)
        ("words", np.uint32, 624),
        ("position", np.int32),
        source_field(Path(__file__).parent, mersenne.__file__),
    ],
    align=True,
)
"""One game. ``matches`` is the number of groups whose members all stand on one cell; ``last_action`` is what the agents
asked for, -1 before the first step."""

RULES = np.dtype(
    [
        ("agents", np.int64),
        ("cells", np.int64),
        ("groups", np.int64),
        ("random_move", np.float64),
        ("episode_limit", np.int64),
    ],
    align=True,
)
"""The numbers that a configuration sets."""


@njit
def begin_game(game, rules):
    """Draw groups and cells: a shuffle of the agents, cut at sorted random places, then a cell per agent."""
    agents, groups = rules.agents, rules.groups
    order = np.arange(agents)
    for i in range(agents - 1, 0, -1):
        j = draw_below(game, i + 1)
        order[i], order[j] = order[j], order[i]
    cuts = np.zeros(groups + 1, np.int64)
    for g in range(1, groups):
        cuts[g] = draw_below(game, agents)
    cuts[groups] = agents
    cuts.sort()
    game.member[:] = 0
    for g in range(groups):
        for place in range(cuts[g], cuts[g + 1]):
            game.member[g, order[place]] = 1
    for i in range(agents):
        game.cell[i] = draw_below(game, rules.cells)
    game.last_action[:] = -1
    game.t = 0
    game.running = True
    game.total_reward = 0.0
    game.matches = count_matches(game, rules)


@njit
def advance_game(game, rules, actions):
    """One joint action (A,); now and then an agent's action is replaced by a random one.

    Returns:
        reward, whether every group has gathered, whether the step limit alone ended the episode.
    """
    for i in range(rules.agents):
        action = actions[i]
        game.last_action[i] = action
        if draw_uniform(game) < rules.random_move:
            action = draw_below(game, ACTIONS)
        game.cell[i] = (game.cell[i] + action - 1) % rules.cells
    matches = count_matches(game, rules)
    reward = STEP_PENALTY + MATCH_REWARD * (matches - game.matches)
    game.matches = matches
    game.t += 1
    game.total_reward += reward
    is_solved = matches == rules.groups
    is_late = game.t >= rules.episode_limit and not is_solved
    game.running = not (is_solved or is_late)
    return reward, is_solved, is_late


@njit
def count_matches(game, rules):
    """Groups whose members all share a cell; an empty group counts."""
    matches = 0
    for g in range(rules.groups):
        first = -1
        together = True
        for i in range(rules.agents):
            if game.member[g, i]:
                if first < 0:
                    first = game.cell[i]
                together = together and game.cell[i] == first
        matches += together
    return matches


@njit
def observe_game(game, rules, entities):
    """Write the features (A, F): cell, group and agent as one-hots."""
    entities[:] = 0.0
    for i in range(rules.agents):
        entities[i, game.cell[i]] = 1.0
        for g in range(rules.groups):
            if game.member[g, i]:
                entities[i, rules.cells + g] = 1.0
        entities[i, rules.cells + rules.groups + i] = 1.0


@njit(cache=True, nogil=True)
def reset_rows(games, rows, rules, entities):
    """Begin new episodes in the games ``rows`` and write their features (n, A, F)."""
    for k in range(len(rows)):
        begin_game(games[rows[k]], rules[0])
        observe_game(games[rows[k]], rules[0], entities[k])


@njit(cache=True, nogil=True)
def observe_rows(games, rows, rules, entities):
    """Write the features (n, A, F) of the games ``rows``."""
    for k in range(len(rows)):
        observe_game(games[rows[k]], rules[0], entities[k])


@njit(cache=True, nogil=True)
def step_rows(games, rows, rules, actions, reward, solved, time_limit, entities):
    """Advance the games ``rows`` by the joint actions (n, A); all of them are running."""
    for k in range(len(rows)):
        game = games[rows[k]]
        reward[k], solved[k], time_limit[k] = advance_game(game, rules[0], actions[k])
        observe_game(game, rules[0], entities[k])
