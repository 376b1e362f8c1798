"""Compiled loops over the distinct beginnings of allocations: what their agents choose, and how that branches.

A row is one distinct prefix of choices of one decision; proposals that agree so far share it. ``R`` rows before an
agent's choice, ``S`` after it.
"""

import numba
import numpy as np

_compiled = numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")


@_compiled
def distributions(agent, point, team, logits, active, unfinished, finished_logit, log_prob, gain):
    """What ``agent`` may choose.

    Args:
        point: (R,) decision of each row; team (R, K) its subtasks' teams; logits (teams, A).
        active: (N, A) bool; unfinished (N, K) bool; finished_logit float32.
        log_prob: (R, K), filled; zeros where the agent is inactive.
        gain: (R, 2), filled with entropy and largest probability; zeros where the agent is inactive.
    """
    subtasks = team.shape[1]
    for row in range(point.shape[0]):
        n = point[row]
        if not active[n, agent]:
            log_prob[row] = 0
            gain[row] = 0
            continue
        highest = np.float32(-3e38)
        for k in range(subtasks):
            logit = logits[team[row, k], agent] if unfinished[n, k] else finished_logit
            log_prob[row, k] = logit
            highest = max(highest, logit)
        total = np.float32(0)
        for k in range(subtasks):
            total += np.exp(log_prob[row, k] - highest)
        shift = highest + np.log(total)
        entropy, best = np.float32(0), np.float32(0)
        for k in range(subtasks):
            value = log_prob[row, k] - shift
            prob = np.exp(value)
            log_prob[row, k] = value
            entropy -= prob * value
            best = max(best, prob)
        gain[row, 0] = entropy
        gain[row, 1] = best


@_compiled
def branch(agent, choice, active, point, team, log_prob, gain, total, row, child, parent, chosen, after, allocation):
    """Follow every proposal's choice to its next row.

    Args:
        choice: (N, P) int64, looked at where the agent is active.
        total: (R, 3) log-probability, entropy and largest probabilities summed so far.
        row: (N, P) row of each proposal, replaced by the next one.
        child: (R, K + 1), all -1: scratch.
        parent: (N P,) filled up to S; chosen (N P,) likewise, -1 if the agent is inactive.
        after: (next point (N P,), next team (N P, K), next total (N P, 3)), filled up to S.
        allocation: (N, P, A), column ``agent`` is filled.

    Returns:
        S.
    """
    next_point, next_team, next_total = after
    subtasks, count = team.shape[1], 0
    for n in range(row.shape[0]):
        for p in range(row.shape[1]):
            before = row[n, p]
            pick = choice[n, p] if active[n, agent] else -1
            allocation[n, p, agent] = pick
            here = child[before, pick + 1]
            if here < 0:
                here = count
                count += 1
                child[before, pick + 1] = here
                parent[here] = before
                chosen[here] = pick
                next_point[here] = point[before]
                for k in range(subtasks):
                    next_team[here, k] = team[before, k]
                next_total[here, 0] = total[before, 0] + (log_prob[before, pick] if pick >= 0 else np.float32(0))
                next_total[here, 1] = total[before, 1] + gain[before, 0]
                next_total[here, 2] = total[before, 2] + gain[before, 1]
            row[n, p] = here
    return count


@_compiled
def collect(row, active, total, log_prob, entropy, best):
    """Hand the rows' totals (S, 3) to their proposals (N, P); ``best`` is divided by the number of active agents."""
    for n in range(row.shape[0]):
        agents = max(active[n].sum(), 1)
        for p in range(row.shape[1]):
            log_prob[n, p] = total[row[n, p], 0]
            entropy[n, p] = total[row[n, p], 1]
            best[n, p] = total[row[n, p], 2] / agents


@_compiled
def slope_of_leaves(row, grad_log_prob, grad_entropy, slope):
    """Add the gradients of proposals (N, P) to those of their rows, slope (S, 2) by log-probability and entropy."""
    for n in range(row.shape[0]):
        for p in range(row.shape[1]):
            slope[row[n, p], 0] += grad_log_prob[n, p]
            slope[row[n, p], 1] += grad_entropy[n, p]


@_compiled
def slope_of_choices(
    agent, point, team, active, unfinished, log_prob, gain, parent, chosen, slope_after, slope, by_log_prob, by_logit
):
    """Gradient by the rows after a choice to that by the rows before it and by the logits.

    Args:
        slope_after: (S, 2) by log-probability and entropy; slope (R, 2) likewise, zeros at first.
        by_log_prob: (R, K) zeros: scratch.
        by_logit: (teams, A), added to.
    """
    for after in range(parent.shape[0]):
        before = parent[after]
        slope[before, 0] += slope_after[after, 0]
        slope[before, 1] += slope_after[after, 1]
        if chosen[after] >= 0:
            by_log_prob[before, chosen[after]] += slope_after[after, 0]
    for row in range(point.shape[0]):
        n = point[row]
        if not active[n, agent]:
            continue
        entropy, by_entropy, by_all = gain[row, 0], slope[row, 1], slope[row, 0]
        for k in range(team.shape[1]):
            if unfinished[n, k]:
                value = log_prob[row, k]
                change = by_log_prob[row, k] - np.exp(value) * (by_all + by_entropy * (value + entropy))
                by_logit[team[row, k], agent] += change
