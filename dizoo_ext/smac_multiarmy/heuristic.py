"""Hand-made allocations of agents to armies (docs/reference/smac.md#allocation-heuristics)."""

import numpy as np
from numba import njit

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.match import ATTACKING, DIFFERENCE, MAX_ARMIES, MAX_STYLE, STYLE_KEYS, TYPE
from dizoo_ext.strict_config import check_choice

STYLES = {"matching": "type-unassigned-diff", "dynamic": "attacking-type-unassigned-diff"}
"""The paper's names for two styles."""
_SEES_DEATHS = "dynamic"
_TYPES = len(UNIT_NAMES)


def parse_style(style: str) -> tuple[list[int], bool]:
    """Read ``env.heuristic_style``: one of `STYLES`, or keys of `match.STYLE_KEYS` joined by '-'.

    The word 'dynamic' among the keys makes the rule leave dead units out; it is not what the paper calls dynamic.

    Returns:
        the keys in order of precedence, and whether dead units are left out.

    Raises:
        ValueError: an unknown key, or one that comes twice.
    """
    words = STYLES.get(style, style).split("-")
    for word in words:
        check_choice(word, (*STYLE_KEYS, _SEES_DEATHS), f"each part of env.heuristic_style (got {style!r})")
    keys = [STYLE_KEYS[word] for word in words if word != _SEES_DEATHS]
    if len(set(keys)) < len(keys) or len(keys) > MAX_STYLE:
        raise ValueError(f"env.heuristic_style has a part twice: {style!r}")
    return keys, _SEES_DEATHS in words


@njit
def write_heuristic(match, rules, heuristic):
    """Write the army of every agent into ``heuristic`` (A,) int64, -1 for none.

    Agents choose one after the other, in the order ``match.rank``, among the unfinished armies; the first of equals.
    """
    heuristic[:] = -1
    unmatched = np.zeros((MAX_ARMIES, _TYPES), np.int64)
    difference = np.zeros(MAX_ARMIES, np.int64)
    assigned = np.zeros(MAX_ARMIES, np.int64)
    for u in range(match.agents, match.agents + match.enemies):
        if match.alive[u] or not rules.style_sees_deaths:
            unmatched[match.army[u], match.type[u]] += 1
            difference[match.army[u]] += 1
    for k in range(match.agents):
        i = match.rank[k]
        if rules.style_sees_deaths and not match.alive[i]:
            continue
        kind = match.type[i]
        best = -1
        for a in range(match.armies):
            if not match.subtask_done[a] and (
                best < 0 or _comes_first(match, rules, unmatched, difference, assigned, kind, a, best)
            ):
                best = a
        if best < 0:
            continue
        heuristic[i] = best
        unmatched[best, kind] = max(unmatched[best, kind] - 1, 0)
        difference[best] -= 1
        assigned[best] += 1


@njit
def _comes_first(match, rules, unmatched, difference, assigned, kind, one, other):
    for k in range(rules.style_length):
        key = rules.style[k]
        if key == TYPE:
            left, right = int(unmatched[one, kind] > 0), int(unmatched[other, kind] > 0)
        elif key == DIFFERENCE:
            left, right = difference[one], difference[other]
        elif key == ATTACKING:
            left, right = int(match.attacking[one]), int(match.attacking[other])
        else:
            left, right = int(assigned[one] == 0), int(assigned[other] == 0)
        if left != right:
            return left > right
    return False
