"""Teams of units and how the original enumerates them (docs/reference/smac.md#scenario-sets)."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations_with_replacement, product

import numpy as np

Team = tuple[tuple[int, str], ...]
"""(number, type) pairs; the types are names out of `engine.units.UNIT_NAMES`, each at most once, except on a map that
makes a type at several places."""


def team_size(team: Team) -> int:
    """Units of a team."""
    return sum(count for count, _ in team)


def largest_team(teams: Sequence[Team]) -> Team:
    """The first team with the most units among those with the most types."""
    return max(teams, key=lambda team: (len(team), team_size(team)))


def teams_of(*parts: tuple[Sequence[str], int, int]) -> list[Team]:
    """Every combination of one multiset per part.

    Args:
        parts: types, smallest and largest number of units of these types together.
    """
    choices = [
        [_counted(types, units) for n in range(low, high + 1) for units in combinations_with_replacement(types, n)]
        for types, low, high in parts
    ]
    return [sum(combination, ()) for combination in product(*choices)]


def with_one_more(teams: Sequence[Team], types: Sequence[str]) -> list[Team]:
    """Every team with one more unit, whose type is drawn from ``types`` by a generator that always starts alike."""
    generator = np.random.RandomState(0)
    return [_joined(team, types[generator.randint(len(types))]) for team in teams]


def _counted(types: Sequence[str], units: Sequence[str]) -> Team:
    return tuple((units.count(kind), kind) for kind in types if kind in units)


def _joined(team: Team, kind: str) -> Team:
    counts = Counter({name: count for count, name in team})
    counts[kind] += 1
    return tuple((count, name) for name, count in counts.items())
