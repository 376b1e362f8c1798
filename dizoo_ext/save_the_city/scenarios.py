"""Named and custom sets of scenarios: which teams meet how many buildings.

docs/reference/save_the_city.md#scenario-sets
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from dizoo_ext.save_the_city.city import AGENT_LETTERS, BUILDING_LETTERS, GRID, MAX_AGENTS, MAX_BUILDINGS
from dizoo_ext.strict_config import check_block, check_choice, check_range

DENSE, SPARSE = 3, 7
"""Distance of neighbouring building cells."""
DRAWN = -1
"""In a table's ``building_type``: drawn at reset."""

SCENARIO = np.dtype(
    [
        ("agents", np.int32),
        ("buildings", np.int32),
        ("agent_type", np.int8, MAX_AGENTS),
        ("building_type", np.int8, MAX_BUILDINGS),
    ],
    align=True,
)

_SIZES = {
    "2-5a_2-5b": (2, 5),
    "2-8a_2-8b": (2, 8),
    "2-10a_2-10b": (2, 10),
    "12a_12b": (12, 12),
    "16a_16b": (16, 16),
    "20a_20b": (20, 20),
    "24a_24b": (24, 24),
}
_SIMILARITY_TEST = "BFGGG BFGGGGG BBBBBFFG BBBFFGGG BBBFFGG BFFFFGGG BBFFFGG BBBBFGGG"
_SIMILARITY_TRAIN = {
    "2-8a_2-8b_sim_Q1": "BFFFFFFG BFFFFFG BBBBBBFG BBFFFFFG BBBBBFG BFGGGGGG BFFFFG BFFFFFGG BBFFFFG BBBFFFFG BBBBFFFG "
    "BFFFFGG",
    "2-8a_2-8b_sim_Q2": "BBBFFFG BBBBFFG BBBBFG BBBBBFGG BBFGGGGG BFFGGGGG BBFFFG BBFFFFGG BFFFGGGG BFFFG BBBBFGG "
    "BBFGGGG BFFGGGG",
    "2-8a_2-8b_sim_Q3": "BFGGGG BFFFGGG BBBFGGGG BBBFFG BFFFGG BBBBFFGG BBBFFFGG BBFFGGGG BBBFG BBFFFGGG BBBFGGG BBFFG "
    "BBBFGG",
    "2-8a_2-8b_sim_Q4": "BBFFGGG BBFFGG BFFGGG BBFGGG BFFGG BBFGG BFFG BBFG BFGG BF BG BFG FG",
}
SCENARIO_SETS = (*_SIZES, *_SIMILARITY_TRAIN, "single_scen", "infinite")
"""Names of all sets. The names promise equal ranges, but every generated scenario has one building more than agents."""


@dataclass(frozen=True)
class Scenario:
    """A team of letters F (firefighter), B (builder), G (generalist) in agent order, and its buildings.

    ``building_types`` are letters F (fast-burn) and S (slow-burn), or None when they are drawn at reset.
    """

    team: str
    buildings: int
    building_types: str | None = None


@dataclass(frozen=True)
class ScenarioSet:
    """Train and test scenarios with the padded sizes they share.

    Without any scenario (the set ``infinite``) team and buildings are drawn at every reset, 2..8 of each.
    """

    train: tuple[Scenario, ...]
    test: tuple[Scenario, ...]
    max_agents: int
    max_buildings: int
    spacing: int

    @cached_property
    def train_table(self) -> np.ndarray:
        """(S,) records of `SCENARIO`."""
        return _table(self.train)

    @cached_property
    def test_table(self) -> np.ndarray:
        """(S,) records of `SCENARIO`."""
        return _table(self.test)

    def check_building_reach(self, reach: int) -> None:
        """Raise a ValueError unless all buildings find a place within ``reach`` cells of the centre."""
        check_range(reach, "env.building_reach", minimum=1, maximum=GRID // 2)
        places = len([x for x in range(1, GRID, self.spacing) if GRID // 2 - reach <= x < GRID // 2 + reach]) ** 2
        if places < self.max_buildings:
            raise ValueError(
                f"env.building_reach = {reach} leaves {places} places for up to {self.max_buildings} buildings"
            )

    def check_index(self, index: int, is_test: bool) -> None:
        """Raise a ValueError unless the list of this kind has an entry ``index``."""
        scenarios = self.test if is_test else self.train
        if not 0 <= index < len(scenarios):
            kind = "test" if is_test else "train"
            raise ValueError(f"index must name one of the {len(scenarios)} {kind} scenarios (from 0), got {index!r}")

    def check_n_tasks(self, n_tasks: int, is_test: bool) -> None:
        """Raise a ValueError unless some scenario has ``n_tasks`` buildings whose types are drawn."""
        scenarios = self.test if is_test else self.train
        possible = sorted({scenario.buildings for scenario in scenarios if scenario.building_types is None})
        if n_tasks not in possible:
            raise ValueError(f"n_tasks must be one of {possible} in this set of scenarios, got {n_tasks!r}")


def scenario_set(scenario: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]) -> ScenarioSet:
    """The set with this name, or one's own set, whose scenarios are both for training and for tests.

    Args:
        scenario: a name out of `SCENARIO_SETS`; a scenario of one's own, such as ``dict(agents="BFG", buildings=6)``
            or a team alone, such as ``"BF"``, or a list of them. ``buildings`` is their number, or a letter for the
            type of each, F (fast-burn) or S (slow-burn); without it, and for a team alone, it is one more than agents.

    Raises:
        ValueError: an unknown name or key, an empty list, a team that is not 1..24 letters of B, F and G, or buildings
            that are not 1..25.
    """
    if isinstance(scenario, Mapping):
        return _own_set([scenario])
    if not isinstance(scenario, str):
        return _own_set(scenario)
    if scenario and not set(scenario) - set(AGENT_LETTERS):
        return _own_set([scenario])
    check_choice(scenario, SCENARIO_SETS, "env.scenario")
    if scenario in _SIZES:
        scenarios = tuple(map(_generated, generated_teams(*_SIZES[scenario])))
        return _sized(scenarios, scenarios, DENSE)
    if scenario in _SIMILARITY_TRAIN:
        train, test = _SIMILARITY_TRAIN[scenario].split(), _SIMILARITY_TEST.split()
        return _sized(tuple(map(_generated, train)), tuple(map(_generated, test)), SPARSE)
    if scenario == "single_scen":
        only = (Scenario("FFFBBBGG", 8, "FFFFSSSS"),)
        return _sized(only, only, SPARSE)
    return ScenarioSet((), (), max_agents=8, max_buildings=8, spacing=DENSE)


def generated_teams(smallest: int, largest: int) -> list[str]:
    """All teams of these sizes with at least min(3, size) different types, in the reference's shuffled order."""
    teams = [
        "".join(team)
        for size in range(smallest, largest + 1)
        for team in combinations_with_replacement(sorted(AGENT_LETTERS), size)
    ]
    np.random.RandomState(0).shuffle(teams)
    return [team for team in teams if len(set(team)) >= min(3, len(team))]


def _own_set(entries: Sequence[str | Mapping[str, Any]]) -> ScenarioSet:
    if not isinstance(entries, Sequence) or not entries:
        raise ValueError(
            f"env.scenario must be a name out of {SCENARIO_SETS}, a dict such as dict(agents='BFG', buildings=6), or a "
            f"list of teams or dicts, got {entries!r}"
        )
    scenarios = tuple(map(_own_scenario, entries))
    return _sized(scenarios, scenarios, DENSE)


def _own_scenario(entry: str | Mapping[str, Any]) -> Scenario:
    if isinstance(entry, Mapping):
        check_block(entry, {"agents": None, "buildings": None}, "env.scenario")
    block: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {"agents": entry}
    team, buildings = block.get("agents"), block.get("buildings")
    if not isinstance(team, str) or not 1 <= len(team) <= MAX_AGENTS or set(team) - set(AGENT_LETTERS):
        raise ValueError(
            f"a team of env.scenario must be 1 to {MAX_AGENTS} letters of B (builder), F (firefighter) and "
            f"G (generalist), such as 'BFG', got {team!r}"
        )
    if buildings is None:
        return _generated(team)
    number = len(buildings) if isinstance(buildings, str) else buildings
    is_number = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MAX_BUILDINGS
    if not is_number or (isinstance(buildings, str) and set(buildings) - set(BUILDING_LETTERS)):
        raise ValueError(
            f"env.scenario.buildings must be a number from 1 to {MAX_BUILDINGS}, or as many letters of F (fast-burn) "
            f"and S (slow-burn), such as 'FFS', got {buildings!r}"
        )
    return Scenario(team, number, buildings if isinstance(buildings, str) else None)


def _generated(team: str) -> Scenario:
    return Scenario(team, len(team) + 1)


def _sized(train: tuple[Scenario, ...], test: tuple[Scenario, ...], spacing: int) -> ScenarioSet:
    return ScenarioSet(
        train,
        test,
        max_agents=max(len(scenario.team) for scenario in train + test),
        max_buildings=max(scenario.buildings for scenario in train + test),
        spacing=spacing,
    )


def _table(scenarios: tuple[Scenario, ...]) -> np.ndarray:
    table = np.zeros(len(scenarios), SCENARIO)
    for row, scenario in zip(table, scenarios, strict=True):
        row["agents"] = len(scenario.team)
        row["buildings"] = scenario.buildings
        row["agent_type"][: len(scenario.team)] = [AGENT_LETTERS[letter] for letter in scenario.team]
        types = [BUILDING_LETTERS[letter] for letter in scenario.building_types or ""]
        row["building_type"][: scenario.buildings] = types or DRAWN
    return table
