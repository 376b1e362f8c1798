"""Why a step was refused."""

import numpy as np

from dizoo_ext.smac_multiarmy.actions import is_allowed
from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.match import ACTION_NAMES, FIRST_TARGET


def refusal(matches: np.ndarray, rows: np.ndarray, rules: np.void, table: np.ndarray, actions: np.ndarray) -> Exception:
    """The error that names the first reason why the joint actions (n, A) cannot be played in the matches ``rows``."""
    for row, joint in zip(rows, actions, strict=True):
        match = matches[row]
        if not match["running"]:
            return RuntimeError(f"environment {row} has no running episode; reset it before stepping")
        for agent, action in enumerate(joint[: match["agents"]].tolist()):
            where = f"environment {row}, agent {agent} ({UNIT_NAMES[match['type'][agent]]})"
            if not 0 <= action < rules["actions"]:
                return ValueError(f"{where}: action {action} does not exist, actions are 0 to {rules['actions'] - 1}")
            if rules["illegal_is_noop"] or is_allowed(match, table, agent, action):
                continue
            legal = [a for a in range(rules["actions"]) if is_allowed(match, table, agent, a)]
            allowed = ", ".join(f"{a} ({_name(match, a)})" for a in legal)
            return ValueError(
                f"{where}: action {action} ({_name(match, action)}) is not allowed now; allowed are {allowed} "
                "(see action_mask, or set illegal_action='noop')"
            )
    raise AssertionError("the kernel refused actions that are all allowed")


def _name(match: np.void, action: int) -> str:
    if action < FIRST_TARGET:
        return ACTION_NAMES[action]
    unit = int(match["unit_of_tag"][action - FIRST_TARGET])
    if unit < 0:
        return "nobody"
    agents = int(match["agents"])
    return f"agent {unit}" if unit < agents else f"enemy {unit - agents} of army {match['army'][unit]}"
