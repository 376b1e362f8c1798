"""Compiled loops over teams, the distinct sets of agents that have joined one subtask of one decision.

The logit of agent ``v`` for a team with embedding ``u`` and counts ``c`` is ``v (u + W c + b) / sqrt(D)``, and joining
adds to ``u`` the vector ``U relu(u) + V relu(v') + b'``. A new team's logits are therefore its parent's plus a
difference that needs no new embedding; an embedding is only computed once somebody joins that team in turn.

``N`` decisions, ``A`` agents, ``K`` subtasks, ``D`` columns; teams 0 .. N K - 1 are the empty ones, row-major.
"""

import numba
import numpy as np

_compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")


@_compiled
def first_logits(agents, counted, active, scale, logits):
    """Logits (N K.., A) of the empty teams: agents (N, A, D) times ``counted`` (N, K, D)."""
    subtasks = counted.shape[1]
    for n in range(agents.shape[0]):
        for a in range(agents.shape[1]):
            if active[n, a]:
                for k in range(subtasks):
                    total = np.float32(0)
                    for column in range(agents.shape[2]):
                        total += agents[n, a, column] * counted[n, k, column]
                    logits[n * subtasks + k, a] = total * scale


@_compiled
def meetings(agents, entrance, head, active, scale, meeting):
    """What agent b's joining adds to a later agent a's logit for that team, whoever is in it: meeting (N, A, A).

    Args: entrance (N, A, D) what an agent adds to any team it joins; head (D,) what its being counted adds.
    """
    for n in range(agents.shape[0]):
        for a in range(agents.shape[1]):
            if active[n, a]:
                for b in range(a):
                    total = np.float32(0)
                    for column in range(agents.shape[2]):
                        total += agents[n, a, column] * (entrance[n, b, column] + head[column])
                    meeting[n, a, b] = total * scale


@_compiled
def join(agent, chosen, team, teams, computed, point, parent, newest, place, joined, missing):
    """Let ``agent`` join the chosen team of every row (R,), -1 for none.

    Args:
        team: (R, K), the chosen entry is replaced by the resulting team.
        teams: number of teams so far; computed: number of embeddings so far.
        point, parent, newest: of all teams, the new ones are filled in.
        place: row of each team's embedding, -1 where none has been needed.
        joined: (teams,) all -1: scratch.
        missing: filled with the teams whose embedding must be computed, which get the rows from ``computed`` on.

    Returns:
        Number of teams and of embeddings now.
    """
    absent = 0
    for row in range(chosen.shape[0]):
        if chosen[row] >= 0:
            old = team[row, chosen[row]]
            if joined[old] < 0:
                joined[old] = teams
                point[teams] = point[old]
                parent[teams] = old
                newest[teams] = agent
                place[teams] = -1
                teams += 1
                if place[old] < 0:
                    place[old] = computed + absent
                    missing[absent] = old
                    absent += 1
            team[row, chosen[row]] = joined[old]
    return teams, computed + absent


@_compiled
def inside(missing, parent, place, embedding, relu):
    """ReLU (M, D) of the embeddings of the parents of the ``missing`` teams (M,)."""
    for m in range(missing.shape[0]):
        before = place[parent[missing[m]]]
        for column in range(relu.shape[1]):
            relu[m, column] = max(embedding[before, column], np.float32(0))


@_compiled
def take_in(missing, point, parent, newest, place, moved, entrance, embedding):
    """Embeddings of the ``missing`` teams (M,) from their parents', ``moved`` (M, D) = U relu(u)."""
    for m in range(missing.shape[0]):
        team = missing[m]
        n, agent, before, here = point[team], newest[team], place[parent[team]], place[team]
        for column in range(moved.shape[1]):
            embedding[here, column] = embedding[before, column] + moved[m, column] + entrance[n, agent, column]


@_compiled
def later_logits(agent, first, last, point, parent, place, probe, meeting, active, embedding, logits):
    """Logits of the teams ``first`` .. ``last`` - 1, which ``agent`` has joined, for the agents after it.

    Args: probe (N, A, D) projects an agent on relu(u).
    """
    for team in range(first, last):
        n, old = point[team], parent[team]
        before = place[old]
        for a in range(agent + 1, probe.shape[1]):
            if active[n, a]:
                total = np.float32(0)
                for column in range(probe.shape[2]):
                    total += probe[n, a, column] * max(embedding[before, column], np.float32(0))
                logits[team, a] = logits[old, a] + total + meeting[n, a, agent]


@_compiled
def slope_of_later_logits(
    agent, first, last, point, parent, place, probe, active, embedding, slope, by_meeting, by_probe, by_embedding
):
    """Gradient of `later_logits` from ``slope`` (teams, A) to its inputs, and to the parents' logits; adds to all."""
    for team in range(first, last):
        n, old = point[team], parent[team]
        before = place[old]
        for a in range(agent + 1, probe.shape[1]):
            if active[n, a]:
                change = slope[team, a]
                slope[old, a] += change
                by_meeting[n, a, agent] += change
                for column in range(probe.shape[2]):
                    if embedding[before, column] > 0:
                        by_probe[n, a, column] += change * embedding[before, column]
                        by_embedding[before, column] += change * probe[n, a, column]


@_compiled
def slope_of_take_in(missing, point, parent, newest, place, by_relu, embedding, by_entrance, by_embedding):
    """Gradient of `take_in` and `inside` from the embeddings of the ``missing`` teams; ``by_relu`` (M, D) is that by
    `inside`. Adds to ``by_entrance`` and to the rows of the parents in ``by_embedding``."""
    for m in range(missing.shape[0]):
        team = missing[m]
        n, agent, before, here = point[team], newest[team], place[parent[team]], place[team]
        for column in range(by_relu.shape[1]):
            change = by_embedding[here, column]
            by_entrance[n, agent, column] += change
            if embedding[before, column] > 0:
                change += by_relu[m, column]
            by_embedding[before, column] += change


@_compiled
def slope_of_first_logits(agents, counted, active, scale, slope, by_agents, by_counted):
    """Gradient of `first_logits`, added to ``by_agents`` (N, A, D) and ``by_counted`` (N, K, D)."""
    subtasks = counted.shape[1]
    for n in range(agents.shape[0]):
        for a in range(agents.shape[1]):
            if active[n, a]:
                for k in range(subtasks):
                    change = slope[n * subtasks + k, a] * scale
                    for column in range(agents.shape[2]):
                        by_agents[n, a, column] += change * counted[n, k, column]
                        by_counted[n, k, column] += change * agents[n, a, column]


@_compiled
def slope_of_meetings(agents, entrance, head, active, scale, slope, by_agents, by_entrance, by_head):
    """Gradient of `meetings` from ``slope`` (N, A, A), added to ``by_agents``, ``by_entrance`` and ``by_head`` (D,)."""
    for n in range(agents.shape[0]):
        for a in range(agents.shape[1]):
            if active[n, a]:
                for b in range(a):
                    change = slope[n, a, b] * scale
                    for column in range(agents.shape[2]):
                        by_agents[n, a, column] += change * (entrance[n, b, column] + head[column])
                        by_entrance[n, b, column] += change * agents[n, a, column]
                        by_head[column] += change * agents[n, a, column]
