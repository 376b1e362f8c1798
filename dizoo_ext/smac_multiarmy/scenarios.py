"""Named sets of scenarios: who fights whom, and where the sides stand (docs/reference/smac.md#scenario-sets)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dizoo_ext.smac_multiarmy.embedded.units import UNIT_NAMES
from dizoo_ext.smac_multiarmy.engine_interface import MAX_UNITS
from dizoo_ext.smac_multiarmy.match import MAX_ARMIES
from dizoo_ext.smac_multiarmy.own_scenarios import joined, own_scenarios
from dizoo_ext.smac_multiarmy.teams import Team, largest_team, team_size, teams_of, with_one_more
from dizoo_ext.strict_config import check_choice

MAX_TYPES = len(UNIT_NAMES)
"""Types in one team."""

SCENARIO = np.dtype(
    [
        ("agents", np.int64),
        ("enemies", np.int64),
        ("ally_types", np.int64),
        ("ally_type", np.int64, MAX_TYPES),
        ("ally_count", np.int64, MAX_TYPES),
        ("enemy_types", np.int64),
        ("enemy_type", np.int64, MAX_TYPES),
        ("enemy_count", np.int64, MAX_TYPES),
        ("armies", np.int64),
        ("army_size", np.int64, MAX_ARMIES),
        ("army_type", np.int64, MAX_UNITS),
        ("has_places", np.bool_),
        ("ally_x", np.float64, MAX_TYPES),
        ("ally_y", np.float64, MAX_TYPES),
        ("enemy_x", np.float64, MAX_TYPES),
        ("enemy_y", np.float64, MAX_TYPES),
        ("goal_x", np.float64, 2),
        ("goal_y", np.float64, 2),
    ],
    align=True,
)
"""One scenario as compiled code reads it; types index `engine.units.UNIT_NAMES`.

``armies`` is 0 where they are drawn in every episode; otherwise ``army_size`` has their sizes, and ``army_type`` the
types of their units, army after army. A map of SMAC ``has_places``: map coordinates of every group of allies and of
enemies, and the two ends of the line on which the enemies' goal lies.
"""

_SZ = (("stalker", "zealot"), 3, 8)
_MM = (("marine", "marauder"), 3, 6)
_MEDIVACS = (("medivac",), 0, 2)
_MULTI_ARMY = {
    "6-8sz_maxsize4_maxarmies3_symmetric": ((_SZ,), (), 3, 4),
    "6-8sz_maxsize4_maxarmies3_unitdisadvantage": ((_SZ,), _SZ[0], 3, 4),
    "6-8MMM_maxsize4_maxarmies3_symmetric": ((_MM, _MEDIVACS), (), 3, 4),
    "6-8MMM_maxsize4_maxarmies3_unitdisadvantage": ((_MM, _MEDIVACS), _MM[0], 3, 4),
    "3-4sz_maxsize2_maxarmies2_symmetric": (((_SZ[0], 3, 4),), (), 2, 2),
}
"""Name -> parts of both teams, types of the enemies' additional unit, most armies and units of an army.

The first four are the paper's, the last one is a small task of ours.
"""
_ONE_ARMY = {
    "3-8m_symmetric": (((("marine",), 3, 8),), 100),
    "3-8sz_symmetric": ((_SZ,), 150),
    "3-8MMM_symmetric": ((_MM, _MEDIVACS), 150),
}
"""Name -> parts of both teams, step limit."""
_MMM: Team = ((7, "marine"), (2, "marauder"), (1, "medivac"))
_PLAIN: dict[str, tuple[Team, Team, int]] = {
    "3m": (((3, "marine"),), ((3, "marine"),), 60),
    "8m": (((8, "marine"),), ((8, "marine"),), 120),
    "25m": (((25, "marine"),), ((25, "marine"),), 150),
    "5m_vs_6m": (((5, "marine"),), ((6, "marine"),), 70),
    "8m_vs_9m": (((8, "marine"),), ((9, "marine"),), 120),
    "10m_vs_11m": (((10, "marine"),), ((11, "marine"),), 150),
    "27m_vs_30m": (((27, "marine"),), ((30, "marine"),), 180),
    "MMM": (_MMM, _MMM, 150),
    "MMM2": (_MMM, ((8, "marine"), (3, "marauder"), (1, "medivac")), 180),
    "2s3z": (((2, "stalker"), (3, "zealot")), ((2, "stalker"), (3, "zealot")), 120),
    "3s5z": (((3, "stalker"), (5, "zealot")), ((3, "stalker"), (5, "zealot")), 150),
    "3s5z_vs_3s6z": (((3, "stalker"), (5, "zealot")), ((3, "stalker"), (6, "zealot")), 170),
    "3s_vs_3z": (((3, "stalker"),), ((3, "zealot"),), 150),
    "3s_vs_4z": (((3, "stalker"),), ((4, "zealot"),), 200),
    "3s_vs_5z": (((3, "stalker"),), ((5, "zealot"),), 250),
    "2m_vs_1z": (((1, "marine"), (1, "marine")), ((1, "zealot"),), 150),
}
"""SMAC's own maps whose units the engine knows: allies, enemies, step limit; units in the order in which the map makes
them (docs/reference/smac.md#one-army).

As in SMAC, tags do not change, units see 9 far, and the reward of a step is its absolute value; features are those of
the multi-army sets.
"""
PLAIN_MAPS = tuple(_PLAIN)
SCENARIO_SETS = (*_MULTI_ARMY, *_ONE_ARMY, *_PLAIN)
"""Names of all sets. "6-8" promises too much: teams of those sets have 3 to 8 units."""


@dataclass(frozen=True)
class MapPlaces:
    """Where a map of SMAC makes its units, (x, y) in map coordinates."""

    allies: tuple[tuple[float, float], ...]
    """One for each group of the team."""
    enemies: tuple[tuple[float, float], ...]
    goal: tuple[tuple[float, float], tuple[float, float]]
    """The enemies attack-move to a point that is drawn between these two."""


_TEAM_1, _TEAM_2 = (9.0, 16.0), (23.0, 16.0)
_OWN_PLACES = {
    "2m_vs_1z": MapPlaces(((13.0, 12.0), (19.0, 12.0)), ((16.0, 19.0),), ((13.0, 12.0), (19.0, 12.0))),
}
"""Maps that gather their sides elsewhere than around two points on the left and on the right."""


@dataclass(frozen=True)
class ScenarioSet:
    """Scenarios that share their sizes and their geography.

    ``armies`` > 1: the allies stand in the middle, in a base that has to be defended, and the enemies come in armies of
    at most ``army_size`` units from a circle of radius ``separation``. One army: the sides stand ``separation`` apart,
    or at the ``places`` of a map of SMAC; there is no base, and the enemies attack once and for all.
    """

    name: str
    scenarios: tuple[tuple[Team, Team], ...]
    episode_limit: int
    armies: int
    army_size: int
    jitter: float
    rotates: bool
    random_tags: bool
    separation: float = 14.0
    own_armies: tuple[tuple[Team, ...], ...] = ()
    """Who is in which army of each scenario; empty where armies are drawn in every episode."""
    places: MapPlaces | None = None
    """Of the only scenario of a map of SMAC."""

    @cached_property
    def largest(self) -> tuple[Team, Team]:
        """The allies and the enemies that sizes and the scale of rewards are taken from."""
        allies, enemies = zip(*self.scenarios, strict=True)
        if self.own_armies:
            return max(allies, key=team_size), max(enemies, key=team_size)
        return largest_team(allies), largest_team(enemies)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """All types that occur, on either side, in the order of `engine.units.UNIT_NAMES`."""
        found = {kind for pair in self.scenarios for team in pair for _, kind in team}
        return tuple(name for name in UNIT_NAMES if name in found)

    @cached_property
    def table(self) -> np.ndarray:
        """(S,) records of `SCENARIO`."""
        table = scenario_table(self.scenarios)
        for row, armies in zip(table, self.own_armies, strict=False):
            kinds = [UNIT_NAMES.index(kind) for army in armies for count, kind in army for _ in range(count)]
            row["armies"] = len(armies)
            row["army_size"][: len(armies)] = list(map(team_size, armies))
            row["army_type"][: len(kinds)] = kinds
        if self.places is not None:
            table["has_places"] = True
            for side, points in (("ally", self.places.allies), ("enemy", self.places.enemies)):
                table[f"{side}_x"][0, : len(points)], table[f"{side}_y"][0, : len(points)] = zip(*points, strict=True)
            table["goal_x"][0], table["goal_y"][0] = zip(*self.places.goal, strict=True)
        return table

    def possible_armies(self, index: int) -> range:
        """The numbers of armies that scenario ``index`` may be split into."""
        if self.own_armies:
            return range(len(self.own_armies[index]), len(self.own_armies[index]) + 1)
        enemies = team_size(self.scenarios[index][1])
        return range(max(min(2, self.armies), math.ceil(enemies / self.army_size)), min(enemies, self.armies) + 1)


def scenario_set(name: str | Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> ScenarioSet:
    """The set with this name, or one's own set (see `own_scenarios.own_scenarios`).

    Raises:
        ValueError: an unknown name, the message has the nearest one; an impossible scenario.
    """
    if not isinstance(name, str):
        return _own_set(own_scenarios(name))
    check_choice(name, SCENARIO_SETS, "env.scenario")
    if name in _PLAIN:
        allies, enemies, limit = _PLAIN[name]
        gathered = MapPlaces((_TEAM_1,) * len(allies), (_TEAM_2,) * len(enemies), (_TEAM_1, _TEAM_1))
        places = _OWN_PLACES.get(name, gathered)
        return ScenarioSet(
            name,
            ((allies, enemies),),
            limit,
            1,
            team_size(enemies),
            0.0,
            rotates=False,
            random_tags=False,
            places=places,
        )
    if name in _ONE_ARMY:
        parts, limit = _ONE_ARMY[name]
        teams = teams_of(*parts)
        most = max(map(team_size, teams))
        pairs = tuple(zip(teams, teams, strict=True))
        return ScenarioSet(name, pairs, limit, 1, most, 1.0, rotates=True, random_tags=True)
    parts, additional, armies, army_size = _MULTI_ARMY[name]
    teams = teams_of(*parts)
    opponents = with_one_more(teams, additional) if additional else teams
    pairs = tuple(zip(teams, opponents, strict=True))
    return ScenarioSet(name, pairs, 150, armies, army_size, 1.0, rotates=True, random_tags=True)


def _own_set(scenarios: Sequence[tuple[Team, tuple[Team, ...]]]) -> ScenarioSet:
    sizes = [team_size(army) for _, armies in scenarios for army in armies]
    for agents, armies in scenarios:
        units = team_size(agents) + sum(map(team_size, armies))
        if units > MAX_UNITS:
            raise ValueError(f"env.scenario has {units} units, but a match holds at most {MAX_UNITS}, of both sides")
    return ScenarioSet(
        "env.scenario",
        tuple((agents, joined(armies)) for agents, armies in scenarios),
        150,
        armies=max(len(armies) for _, armies in scenarios),
        army_size=max(sizes),
        jitter=1.0,
        rotates=True,
        random_tags=True,
        own_armies=tuple(armies for _, armies in scenarios),
    )


def scenario_table(pairs: Sequence[tuple[Team, Team]]) -> np.ndarray:
    """(S,) records of `SCENARIO` for pairs of allies and enemies."""
    table = np.zeros(len(pairs), SCENARIO)
    for row, (allies, enemies) in zip(table, pairs, strict=True):
        row["agents"], row["enemies"] = team_size(allies), team_size(enemies)
        for side, team in (("ally", allies), ("enemy", enemies)):
            row[f"{side}_types"] = len(team)
            row[f"{side}_type"][: len(team)] = [UNIT_NAMES.index(kind) for _, kind in team]
            row[f"{side}_count"][: len(team)] = [count for count, _ in team]
    return table
