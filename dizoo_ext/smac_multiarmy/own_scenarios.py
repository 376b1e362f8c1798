"""Scenarios that a config describes itself: who defends, and who comes in which army."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.match import MAX_ARMIES
from dizoo_ext.smac_multiarmy.teams import Team
from dizoo_ext.strict_config import check_block, check_choice

EXAMPLE = "dict(agents=dict(stalker=2, zealot=1), armies=[dict(zealot=2), dict(stalker=1)])"

OwnScenario = tuple[Team, tuple[Team, ...]]
"""The agents, and the team of each army."""


def own_scenarios(entries: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> tuple[OwnScenario, ...]:
    """Read scenarios such as `EXAMPLE`: number of units by type, of the agents and of each army.

    Args:
        entries: one scenario, or a list of them.

    Raises:
        ValueError: something else, an unknown key or type, no or too many armies, or an impossible number of units.
    """
    if isinstance(entries, Mapping):
        entries = [entries]
    if not isinstance(entries, Sequence) or not entries or not all(isinstance(entry, Mapping) for entry in entries):
        raise ValueError(f"env.scenario must be a name, a dict such as {EXAMPLE}, or a list of such, got {entries!r}")
    return tuple(map(_own_scenario, entries))


def joined(teams: Sequence[Team]) -> Team:
    """All units of several teams as one, types in the order in which they turn up."""
    counts: Counter[str] = Counter()
    for team in teams:
        counts.update({kind: count for count, kind in team})
    return tuple((count, kind) for kind, count in counts.items())


def _own_scenario(entry: Mapping[str, Any]) -> OwnScenario:
    check_block(entry, {"agents": None, "armies": None}, "env.scenario")
    armies = entry.get("armies")
    if isinstance(armies, str) or not isinstance(armies, Sequence) or not 1 <= len(armies) <= MAX_ARMIES:
        raise ValueError(
            f"env.scenario.armies must be a list of 1 to {MAX_ARMIES} dicts, one for each army, such as "
            f"[dict(zealot=2), dict(stalker=1)], got {armies!r}"
        )
    return _team(entry.get("agents"), "agents"), tuple(_team(army, f"armies[{a}]") for a, army in enumerate(armies))


def _team(units: Any, key: str) -> Team:
    if not isinstance(units, Mapping) or not units:
        raise ValueError(
            f"env.scenario.{key} must be a dict of numbers by type of unit, such as dict(stalker=2, zealot=1), "
            f"got {units!r}"
        )
    for kind, count in units.items():
        check_choice(kind, UNIT_NAMES, f"a type in env.scenario.{key}")
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ValueError(f"env.scenario.{key}.{kind} must be a number of units, at least 1, got {count!r}")
    return tuple((count, kind) for kind, count in units.items())
