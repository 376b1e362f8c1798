"""The vectors of SMAC: which numbers stand where, for a map and the options of the class.

Facts: the repository ``oxwhirl/smac``, commit d6aab33, ``smac/env/starcraft2/starcraft2.py`` and ``maps/smac_maps.py``.
"""

from dataclasses import dataclass

from dizoo_ext.smac_multiarmy.scenarios import ScenarioSet
from dizoo_ext.smac_multiarmy.teams import Team, team_size

NO_ATTACK_ACTIONS = 6
MOVES = 4
PATHING_POINTS = 8
_PROTOSS = ("stalker", "zealot")
_ALLY_TYPES = {
    frozenset({"stalker", "zealot"}): ("stalker", "zealot"),
    frozenset({"marine", "marauder", "medivac"}): ("marauder", "marine", "medivac"),
}
"""Types of the allies on maps with several of them -> their places in the one-hot, the order of the maps' own units."""
_ENEMY_TYPES = {
    frozenset({"stalker", "zealot"}): ("zealot", "stalker"),
    frozenset({"marine", "marauder", "medivac"}): ("marauder", "marine", "medivac"),
}
"""The same for the enemies: a Zealot is (1, 0) among the enemies and (0, 1) among the allies."""


@dataclass(frozen=True)
class Options:
    """What the vectors show beside places; the names are the class's own."""

    obs_all_health: bool = True
    obs_own_health: bool = True
    obs_last_action: bool = False
    obs_pathing_grid: bool = False
    obs_instead_of_state: bool = False
    obs_timestep_number: bool = False
    state_last_action: bool = True
    state_timestep_number: bool = False


@dataclass(frozen=True)
class Layout:
    """Sizes of the vectors."""

    options: Options
    agents: int
    enemies: int
    ally_types: tuple[str, ...]
    """In the order of the one-hot; empty on maps whose allies are all of one type, which have no such feature."""
    enemy_types: tuple[str, ...]
    ally_shield: bool
    enemy_shield: bool

    @property
    def actions(self) -> int:
        """No-op, stop, four moves, and one for each enemy; healers take allies for enemies."""
        return NO_ATTACK_ACTIONS + self.enemies

    @property
    def move_features(self) -> int:
        """Moves that are possible, and with ``obs_pathing_grid`` the ground around."""
        return MOVES + PATHING_POINTS * self.options.obs_pathing_grid

    @property
    def enemy_features(self) -> tuple[int, int]:
        """(M, features): can be attacked, distance, x, y, health, shield, type."""
        return self.enemies, 4 + self.options.obs_all_health * (1 + self.enemy_shield) + len(self.enemy_types)

    @property
    def ally_features(self) -> tuple[int, int]:
        """(A - 1, features): is seen, distance, x, y, health, shield, type, last action."""
        health = self.options.obs_all_health * (1 + self.ally_shield)
        return self.agents - 1, 4 + health + len(self.ally_types) + self.options.obs_last_action * self.actions

    @property
    def shows_own_health(self) -> bool:
        """An agent that sees everybody's health sees its own."""
        return self.options.obs_own_health or self.options.obs_all_health

    @property
    def own_features(self) -> int:
        """Health, shield, type, and the share of the episode's time, which stands last."""
        own = self.shows_own_health * (1 + self.ally_shield) + len(self.ally_types)
        return own + self.options.obs_timestep_number

    @property
    def obs_size(self) -> int:
        """Moves, enemies, allies, own."""
        (enemies, of_enemy), (allies, of_ally) = self.enemy_features, self.ally_features
        return self.move_features + enemies * of_enemy + allies * of_ally + self.own_features

    @property
    def ally_attributes(self) -> list[str]:
        """What the state says of an ally."""
        shield = ["shield"] * self.ally_shield
        return ["health", "energy/cooldown", "rel_x", "rel_y", *shield, *_type_names(self.ally_types)]

    @property
    def enemy_attributes(self) -> list[str]:
        """What the state says of an enemy."""
        return ["health", "rel_x", "rel_y", *["shield"] * self.enemy_shield, *_type_names(self.enemy_types)]

    @property
    def state_size(self) -> int:
        """Allies, enemies, last actions, time; or all observations."""
        if self.options.obs_instead_of_state:
            return self.agents * self.obs_size
        units = self.agents * len(self.ally_attributes) + self.enemies * len(self.enemy_attributes)
        last = self.options.state_last_action * self.agents * self.actions
        return units + last + self.options.state_timestep_number


def layout_of(scenarios: ScenarioSet, options: Options) -> Layout:
    """The layout of a map of SMAC."""
    allies, enemies = scenarios.largest
    kinds = frozenset(kind for _, kind in allies)
    return Layout(
        options=options,
        agents=team_size(allies),
        enemies=team_size(enemies),
        ally_types=_ALLY_TYPES.get(kinds, ()),
        enemy_types=_ENEMY_TYPES.get(kinds, ()),
        ally_shield=_is_protoss(allies),
        enemy_shield=_is_protoss(enemies),
    )


def _is_protoss(team: Team) -> bool:
    return all(kind in _PROTOSS for _, kind in team)


def _type_names(types: tuple[str, ...]) -> list[str]:
    return [f"type_{index}" for index in range(len(types))]
